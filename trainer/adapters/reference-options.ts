import { FAULT_KINDS } from '../reference/index.js';
import { AdapterError } from './errors.js';
import type { Option } from './types.js';

/** A number of the embedded trainer; without a default, its own applies. */
interface NumberOption {
  readonly fallback?: number;
  readonly min: number;
  /** A fraction must be above `min`. */
  readonly fraction?: boolean;
}

const NUMBERS: Readonly<Record<string, NumberOption>> = {
  steps: { fallback: 400, min: 1 },
  save_every: { fallback: 50, min: 0 },
  sample_every: { fallback: 100, min: 0 },
  rank: { fallback: 8, min: 1 },
  alpha: { fallback: 8, min: 0, fraction: true },
  lr: { min: 0, fraction: true },
  batch: { min: 1 },
  seed: { min: 0 },
  keep: { min: 0 },
  step_ms: { min: 0 },
};

const KNOWN = [...Object.keys(NUMBERS), 'data', 'faults'];

/** The options under `with`, checked. */
export interface ReferenceOptions {
  steps: number;
  /** Flags of the embedded trainer and their values, e.g. `['--save-every', 50]`. */
  numbers: [flag: string, value: number][];
  /** The folder of images as written; null for the trainer's own. */
  data: string | null;
  /** KIND@STEP, for tests and demonstrations. */
  faults: string[];
}

/** Checks the options of a reference job. Throws an AdapterError at the first that is wrong. */
export function readReferenceOptions(given: Readonly<Record<string, Option>>): ReferenceOptions {
  const unknown = Object.keys(given).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) {
    throw new AdapterError(
      `with.${unknown}`,
      'an option that trainer: reference knows',
      `Known: ${KNOWN.join(', ')}.`,
    );
  }
  const numbers = Object.entries(NUMBERS).flatMap(([name, option]): [string, number][] => {
    const value = given[name] === undefined ? option.fallback : readNumber(name, given[name]);
    return value === undefined ? [] : [[`--${name.replaceAll('_', '-')}`, value]];
  });
  const steps = numbers.find(([flag]) => flag === '--steps')?.[1] ?? 0;
  return { steps, numbers, data: readData(given['data']), faults: readFaults(given['faults']) };
}

function readNumber(name: string, value: Option): number {
  const { min, fraction } = NUMBERS[name]!;
  const fits = fraction
    ? typeof value === 'number' && Number.isFinite(value) && value > min
    : typeof value === 'number' && Number.isSafeInteger(value) && value >= min;
  if (fits) return value as number;
  const kind = fraction ? `a number above ${min}` : `a whole number of at least ${min}`;
  throw new AdapterError(
    `with.${name}`,
    `${kind}, got ${JSON.stringify(value)}`,
    'Mend the value.',
  );
}

function readData(value: Option | undefined): string | null {
  if (value === undefined) return null;
  if (typeof value === 'string' && value !== '') return value;
  const got = JSON.stringify(value);
  throw new AdapterError(
    'with.data',
    `the path of a folder of images, got ${got}`,
    'Leave it out for the images that come with it.',
  );
}

function readFaults(value: Option | undefined): string[] {
  const list = value === undefined ? [] : value;
  const faults = Array.isArray(list) ? list.map(String) : [];
  if (Array.isArray(list) && faults.every(isFault)) return faults;
  throw new AdapterError(
    'with.faults',
    `a list of KIND@STEP, got ${JSON.stringify(value)}`,
    `Write for example faults: ['crash@120']. Kinds: ${Object.keys(FAULT_KINDS).join(', ')}.`,
  );
}

function isFault(fault: string): boolean {
  const kind = /^([a-z0-9-]+)@\d+$/.exec(fault)?.[1];
  return kind !== undefined && Object.hasOwn(FAULT_KINDS, kind);
}
