import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { classify } from '../../daemon/core/classify.js';
import { type LogPatterns, LogProgress, type Merged } from '../../trainer/heartbeat/index.js';
import { planOf } from './standin.js';

const recorded = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/transcripts/recorded/${name}.log`, import.meta.url));

const KOHYA = planOf(
  'name: my-lora\ntrainer: sd-scripts\ncommand: [train_network.py, --max_train_epochs, 3]\n',
  '/home',
).log;
const DIFFUSERS = planOf(
  'name: my-lora\ntrainer: diffusers\ncommand: [train_dreambooth_lora_flux.py]\n',
  '/home',
).log;

interface Told {
  readonly name: string;
  readonly log: LogPatterns;
  readonly bytes: Buffer;
  /** The steps told, each once; null for none. */
  readonly steps: readonly [first: number, last: number] | null;
  readonly total: number | null;
  readonly loss: number | null;
  readonly epoch: number | null;
  readonly phases: readonly string[];
  /** How it ended, and what that is called. */
  readonly exit: 0 | 1 | 'SIGTERM';
  readonly cause: string;
}

/** Both streams as they were recorded, one by one: the bar's own lines are all on the second. */
const kohya = (name: string, rest: Omit<Told, 'name' | 'log' | 'bytes'>): Told => ({
  name: `sd-scripts/${name}`,
  log: KOHYA,
  bytes: Buffer.concat([
    recorded(`sd-scripts/${name}.stdout`),
    Buffer.from('\n'),
    recorded(`sd-scripts/${name}.stderr`),
  ]),
  ...rest,
});
const diffusers = (name: string, rest: Omit<Told, 'name' | 'log' | 'bytes'>): Told => ({
  name: `diffusers/${name}`,
  log: DIFFUSERS,
  bytes: recorded(`diffusers/${name}.stderr`),
  ...rest,
});

const end = { total: 24, epoch: 3, exit: 0, cause: 'done' } as const;
const saving = ['checkpoint', 'finish'];
const failed = { total: null, loss: null, epoch: null, steps: null, exit: 1 } as const;
const TOLD: readonly Told[] = [
  kohya('fresh-3-epochs', { ...end, steps: [0, 24], loss: 1.08, phases: saving }),
  kohya('resume-initial-epoch', { ...end, steps: [8, 24], loss: 1.08, phases: saving }),
  // Resumed as kohya itself does it: the figures of the bar and of the names are not the run's own.
  kohya('resume-naive', { ...end, steps: [16, 24], loss: 1.08, phases: saving }),
  kohya('resume-second-naive', { ...end, steps: [16, 24], loss: 1.08, phases: saving }),
  kohya('resume-step-state', { ...end, steps: [12, 24], loss: 1.09, phases: saving }),
  kohya('killed-by-signal', {
    steps: [0, 40],
    total: 40_000,
    loss: 1.06,
    epoch: 6,
    phases: [],
    exit: 1,
    cause: 'crash',
  }),
  kohya('resume-finished-fails', { ...failed, phases: ['load'], cause: 'crash' }),
  kohya('resume-torn-state-fails', { ...failed, phases: ['load'], cause: 'corrupt' }),
  diffusers('fresh-12-steps', {
    steps: [0, 12],
    total: 12,
    loss: 3.99,
    epoch: null,
    phases: ['checkpoint'],
    exit: 0,
    cause: 'done',
  }),
  diffusers('launcher-killed', {
    steps: [0, 47],
    total: 100_000,
    loss: 3.94,
    epoch: null,
    phases: [],
    exit: 1,
    cause: 'crash',
  }),
  diffusers('group-terminated', {
    steps: [0, 5],
    total: 100_000,
    loss: 3.98,
    epoch: null,
    phases: [],
    exit: 'SIGTERM',
    cause: 'crash',
  }),
  diffusers('quarantine-in-place-fails', {
    ...failed,
    total: 20,
    phases: [],
    cause: 'crash',
  }),
];

interface Read {
  readonly steps: readonly number[];
  readonly last: Merged;
  readonly phases: readonly string[];
  readonly tail: readonly string[];
}

function read(log: LogPatterns, chunks: readonly Buffer[], settling = false): Read {
  const progress = new LogProgress(log);
  const facts: Merged[] = [];
  const take = (fact: Merged | null) => {
    if (fact !== null) facts.push(fact);
  };
  for (const chunk of chunks) {
    take(progress.feed(chunk));
    if (settling) take(progress.settle());
  }
  take(progress.settle(true));
  const last = <K extends keyof Merged>(key: K) =>
    facts.findLast((fact) => fact[key] !== null)?.[key] ?? null;
  const steps = facts.flatMap(({ step }) => (step === null ? [] : [step]));
  return {
    steps: steps.filter((step, i) => step !== steps[i - 1]),
    last: {
      step: last('step'),
      total: last('total'),
      epoch: last('epoch'),
      loss: last('loss'),
      phases: last('phases'),
    } as Merged,
    phases: facts.flatMap(({ phases }) => (phases?.[0] === undefined ? [] : [phases[0]])),
    tail: progress.tail(),
  };
}

const cutAt = (bytes: Buffer, places: readonly number[]): Buffer[] => {
  const sorted = [0, ...[...places].sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((to, i) => bytes.subarray(sorted[i], to));
};
const byLine = (bytes: Buffer): Buffer[] =>
  cutAt(
    bytes,
    [...bytes.entries()].filter(([, byte]) => byte === 10 || byte === 13).map(([i]) => i + 1),
  );
const range = ([first, last]: readonly [number, number]) =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

describe.each(TOLD)('$name', (told) => {
  const { log, bytes } = told;
  const lines = read(log, byLine(bytes));

  test('steps, total, epoch, loss', () => {
    expect(lines.steps).toEqual(told.steps === null ? [] : range(told.steps));
    const { total, epoch, loss } = lines.last;
    expect({ total, epoch, loss }).toEqual({
      total: told.total,
      epoch: told.epoch,
      loss: told.loss,
    });
  });

  test('phases', () => {
    expect(lines.phases).toEqual(expect.arrayContaining([...told.phases]));
  });

  test('the end', () => {
    const exit =
      told.exit === 'SIGTERM'
        ? { code: null, signal: told.exit }
        : { code: told.exit, signal: null };
    const outcome = classify({
      exit,
      tail: lines.tail,
      stepped: told.steps !== null,
      step: lines.last.step,
      target_step: told.total,
      artefact: told.exit === 0 ? 'whole' : 'absent',
      resumed_from: null,
      rebooted: false,
      oom_killed: false,
      loss: lines.last.loss,
    });
    expect(outcome.is === 'done' ? 'done' : outcome.cause).toBe(told.cause);
  });

  test('byte by byte', () => {
    expect(
      read(
        log,
        [...bytes].map((byte) => Buffer.from([byte])),
      ),
    ).toEqual(lines);
  });

  test('in any chunks, told at any of them', () => {
    const steps = new Set(lines.steps);
    fc.assert(
      fc.property(
        fc.array(fc.nat(bytes.length), { maxLength: 200 }),
        fc.boolean(),
        (cuts, pause) => {
          const some = read(log, cutAt(bytes, cuts), pause);
          expect({ ...some, steps: [], phases: [] }).toEqual({ ...lines, steps: [], phases: [] });
          for (const step of some.steps) expect(steps).toContain(step);
          expect(lines.phases).toEqual(expect.arrayContaining([...some.phases]));
        },
      ),
      { numRuns: 25 },
    );
  });
});
