import type { JobStatus } from '../../core/index.js';

type JobStateName = JobStatus['state'];

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'dim' | 'bold';
export type Paint = (colour: Colour, text: string) => string;

/** SGR parameters (ECMA-48 8.3.117). */
const CODES: Record<Colour, readonly [number, number]> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  dim: [2, 22],
  bold: [1, 22],
};

/** Colours the text, or leaves it as it is where colours are not wanted. */
export function painter(enabled: boolean): Paint {
  if (!enabled) return (_, text) => text;
  return (colour, text) => {
    const [on, off] = CODES[colour];
    return `\x1b[${on}m${text}\x1b[${off}m`;
  };
}

/** Whether to colour: NO_COLOR (no-color.org) over FORCE_COLOR over what the output is. */
export function wantsColour(env: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if (env['NO_COLOR']) return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined && force !== '') return force !== '0';
  return isTerminal && env['TERM'] !== 'dumb';
}

const OF_STATE: Record<JobStateName, Colour> = {
  queued: 'dim',
  downloading: 'blue',
  starting: 'blue',
  running: 'green',
  suspect: 'yellow',
  recovering: 'yellow',
  holding: 'red',
  finished: 'green',
  failed: 'red',
  stopped: 'dim',
};

export const colourOf = (state: JobStateName): Colour => OF_STATE[state];
