import { finishEntry } from './finish-entry.js';
import { literally } from './progress-lines.js';
import type { PlanContext, Resume } from './types.js';

export interface Naming {
  /** The program counts, and names its files, from 0 again on a resume. */
  readonly restarts: boolean;
  /** States in mid-epoch are used. */
  readonly bySteps: boolean;
}

/** The names of states; groups: see EpochCount. Without an epoch or a step it is the last one. */
export function stateName(name: string, how: Naming & { salvageable: boolean }): string {
  return `${numbered(name, how)}${how.salvageable ? '?' : ''}-state$`;
}

/** The names of the weights saved on the way. */
export function weightsName(name: string, how: Naming): string {
  return `${numbered(name, how)}\\.safetensors$`;
}

function numbered(name: string, how: Naming): string {
  const earlier = how.restarts
    ? '(?:-from(?<first>\\d{6}))?'
    : how.bySteps
      ? '(?:-from(?<base>\\d{8}))?'
      : '';
  const step = how.bySteps ? '|-step(?<step>\\d{8})' : '';
  return `(?:^|/)${literally(name)}${earlier}(?:-(?<epoch>\\d{6})${step})`;
}

/** The states that musubi-tuner says it resumes from, in its own words. */
export function statePath(name: string): string {
  return `.*/${literally(name)}(?:-from(?<first>\\d{6}))?-(?<epoch>\\d{6})-state`;
}

/** How a run goes on from a state; see resume.ts for what stands in braces. */
export function resumeOf(
  name: string,
  stem: string,
  final: string,
  { restarts, bySteps, max_epochs }: Naming & { max_epochs: number | null },
): Resume {
  const from = ['--resume', '{checkpoint}'];
  if (restarts) {
    const left =
      max_epochs === null
        ? ['--max_train_steps', '{steps_left}']
        : ['--max_train_epochs', '{epochs_left}'];
    const own = `-from{padded_epoch}`;
    return {
      args: [...from, ...left, '--output_name', `${name}${own}`],
      around: renaming(final, `${stem}${own}.safetensors`),
    };
  }
  const epoch = [...from, '--initial_epoch', '{next_epoch}'];
  if (!bySteps) return { args: epoch };
  // Steps in names start at the epoch's first again: a name of each attempt's own keeps them apart.
  const own = `-from{padded_step}`;
  const output = ['--output_name', `${name}${own}`];
  return {
    args: [...epoch, ...output],
    by_step: [...from, '--initial_step', '{step}', '--skip_until_initial_step', ...output],
    around: renaming(final, `${stem}${own}.safetensors`),
  };
}

/** In the foreground of a shell: an attempt under a name of its own ends with the name asked for. */
const RENAME =
  'final=$1 made=$2; shift 2; "$@" || exit; [ ! -f "$made" ] || mv -f -- "$made" "$final"';

function renaming(final: string, made: string): string[] {
  return ['/bin/sh', '-c', RENAME, 'nightwarden', final, made];
}

/** What stands in the place of a training that has reached its end; see finish.ts. */
export function finishing(context: PlanContext, stem: string, final: string): string[] {
  const entry = (context.finishEntry ?? finishEntry)();
  return [process.execPath, entry, '{checkpoint}', final, stem];
}
