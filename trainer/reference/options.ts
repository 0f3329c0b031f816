import { parseArgs } from 'node:util';
import { assetPath } from './base.js';
import { UsageError } from './errors.js';
import { FAULT_KINDS, type Fault, readFault } from './fault-spec.js';

export interface Options {
  readonly data: string;
  readonly out: string;
  readonly name: string;
  readonly steps: number;
  readonly rank: number;
  readonly alpha: number;
  readonly lr: number;
  readonly batch: number;
  readonly seed: number;
  readonly saveEvery: number;
  readonly keep: number;
  readonly sampleEvery: number;
  readonly resume: string | null;
  readonly reseed: number;
  /** Milliseconds. */
  readonly stepMs: number;
  readonly faults: readonly Fault[];
}

/** Numeric options: default, smallest allowed, whether a fraction is, and what they mean. */
const NUMBERS = {
  steps: { value: 400, min: 1, text: 'optimizer steps' },
  rank: { value: 16, min: 1, text: 'rank of the LoRA' },
  alpha: { value: 16, min: 0, fraction: true, text: 'its scale is alpha / rank' },
  lr: { value: 0.0025, min: 0, fraction: true, text: 'learning rate of AdamW' },
  batch: { value: 8, min: 1, text: 'images a step' },
  seed: { value: 42, min: 0, text: 'seed of everything random' },
  'save-every': { value: 50, min: 0, text: 'steps between checkpoints, 0 for none' },
  keep: { value: 0, min: 0, text: 'newest checkpoints to keep, 0 for all' },
  'sample-every': { value: 100, min: 0, text: 'steps between sample pictures, 0 for none' },
  reseed: {
    value: 0,
    min: 0,
    text: 'with --resume: go on with other noise and order, 0 for the same',
  },
  'step-ms': { value: 0, min: 0, text: 'least duration of a step in milliseconds' },
} as const satisfies Record<string, NumberSpec>;

interface NumberSpec {
  readonly value: number;
  readonly min: number;
  readonly fraction?: boolean;
  readonly text: string;
}

export const DEFAULT_NAME = 'my-lora';
export const DEFAULT_STEPS = NUMBERS.steps.value;
export const DEFAULT_SAVE_EVERY = NUMBERS['save-every'].value;
export const DEFAULT_SAMPLE_EVERY = NUMBERS['sample-every'].value;

/** Reads the command line. Returns 'help' where it asks for it; throws UsageError for what is wrong. */
export function readOptions(argv: readonly string[]): Options | 'help' {
  const values = parse(argv);
  if (values['help']) return 'help';
  const text = (key: string, fallback: string) => {
    const value = (values[key] as string | undefined) ?? fallback;
    if (value === '') throw new UsageError(`--${key} is empty`);
    return value;
  };
  const number = (key: keyof typeof NUMBERS) => readNumber(key, values[key] as string | undefined);
  const name = text('name', DEFAULT_NAME);
  if (/[/\0]/.test(name) || name.startsWith('.')) {
    throw new UsageError(`--name ${name}: expected a file name without folder or leading dot`);
  }
  return {
    data: text('data', assetPath('images')),
    out: text('out', 'outputs/reference'),
    name,
    steps: number('steps'),
    rank: number('rank'),
    alpha: number('alpha'),
    lr: number('lr'),
    batch: number('batch'),
    seed: number('seed'),
    saveEvery: number('save-every'),
    keep: number('keep'),
    sampleEvery: number('sample-every'),
    resume: values['resume'] === undefined ? null : text('resume', ''),
    reseed: number('reseed'),
    stepMs: number('step-ms'),
    faults: ((values['fault'] ?? []) as string[]).map(readFault),
  };
}

/** What --help prints. */
export function usage(): string {
  const line = (option: string, text: string) => `  ${option.padEnd(24)}${text}`;
  return [
    'Trains a LoRA on the embedded base network, on the CPU.',
    '',
    'usage: main.js [options]',
    line('--data DIR', 'folder of png, jpg or webp images (the shipped night scenes)'),
    line('--out DIR', 'where checkpoints, samples and the LoRA go (outputs/reference)'),
    line('--name NAME', `name of the LoRA (${DEFAULT_NAME})`),
    ...Object.entries(NUMBERS).map(([key, { value, text }]) => {
      return line(`--${key} N`, `${text}; default ${value}`);
    }),
    line('--resume DIR', 'go on from this checkpoint folder'),
    line('--fault KIND@STEP', 'misbehave once after a step; may be given again. Kinds:'),
    ...Object.entries(FAULT_KINDS).map(([kind, text]) => `      ${kind.padEnd(16)}${text}`),
    '',
    'A fault fires once for an --out folder, which remembers it in .faults/KIND@STEP; STEP 0 is before',
    'the first step. Heartbeats are written where NIGHTWARDEN_HEARTBEAT_DIR is set.',
    'Exit codes: 0 done, 1 failed, 2 bad usage.',
    '',
  ].join('\n');
}

function parse(argv: readonly string[]): Record<string, unknown> {
  const options: Record<
    string,
    { type: 'string' | 'boolean'; multiple?: boolean; short?: string }
  > = { fault: { type: 'string', multiple: true }, help: { type: 'boolean', short: 'h' } };
  for (const key of ['data', 'out', 'name', 'resume', ...Object.keys(NUMBERS)]) {
    options[key] = { type: 'string' };
  }
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function readNumber(key: keyof typeof NUMBERS, given: string | undefined): number {
  const { value, min, fraction }: NumberSpec = NUMBERS[key];
  if (given === undefined) return value;
  const number = given.trim() === '' ? Number.NaN : Number(given);
  const fits = fraction ? Number.isFinite(number) && number > min : Number.isSafeInteger(number);
  if (!fits || number < min) {
    const kind = fraction ? `a number above ${min}` : `a whole number of at least ${min}`;
    throw new UsageError(`--${key} ${given}: expected ${kind}`);
  }
  return number;
}
