import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { TrainerPlan } from '../../trainer/adapters/index.js';
import { type Attempt, attempt, newest, planOf, STANDINS, steps, temporary } from './standin.js';

const BATCHES = 8;

interface Run {
  readonly trainer?: 'sd-scripts' | 'musubi-tuner';
  readonly length: string;
  readonly more?: string;
}

function plan(home: string, { trainer = 'sd-scripts', length, more = '' }: Run): TrainerPlan {
  const words = `python3, ${STANDINS}/train_network.py, --output_dir, ${home}/out, --output_name, my-lora`;
  return planOf(
    `name: my-lora\ntrainer: ${trainer}\ncommand: [${words}, ${length}${more}]\n`,
    home,
  );
}

const env = (run: Run): Record<string, string> => ({
  BATCHES: String(BATCHES),
  ...(run.trainer === 'musubi-tuner' ? { MUSUBI: '1' } : {}),
});

/** Runs attempts one after the other, each dying as it is told; the rest run to their end. */
async function night(run: Run, deaths: readonly Record<string, string>[]) {
  const home = temporary();
  const made = plan(home, run);
  const attempts: Attempt[] = [];
  for (let i = 0; ; i += 1) {
    const from = await newest(made);
    attempts.push(attempt(made, from, { ...env(run), ...deaths[i] }));
    if (attempts.at(-1)?.code === 0) break;
    if (i > deaths.length) throw new Error(attempts.at(-1)?.output.slice(-2000));
  }
  const final = readFileSync(made.done.artefact as string);
  return { home, plan: made, attempts, final, files: readdirSync(join(home, 'out')).sort() };
}

/** The tensors alone: a header may hold other metadata. */
const tensors = (file: Buffer): Buffer => file.subarray(8 + Number(file.readBigUInt64LE(0)));

const death = fc.oneof(
  fc.integer({ min: 1, max: 20 }).map((n) => ({ DIE_AFTER: String(n) })),
  fc.integer({ min: 1, max: 12 }).map((n) => ({ DIE_SAVING: String(n) })),
  fc.constant({ DIE_BEFORE_FINAL: '1' }),
);

const RUNS: [string, Run, number][] = [
  ['by epochs', { length: '--max_train_epochs, 5' }, 40],
  ['by steps, whole epochs', { length: '--max_train_steps, 32' }, 32],
  [
    'with states in mid-epoch',
    { length: '--max_train_epochs, 4', more: ', --save_every_n_steps, 3' },
    32,
  ],
  [
    'with gradient accumulation',
    {
      length: '--max_train_epochs, 5',
      more: ', --gradient_accumulation_steps, 3, --save_every_n_steps, 2',
    },
    15,
  ],
  ['without metadata', { length: '--max_train_epochs, 4', more: ', --no_metadata' }, 32],
  ['by musubi-tuner', { trainer: 'musubi-tuner', length: '--max_train_epochs, 5' }, 40],
];

describe.each(RUNS)('a run %s', (_name, run, total) => {
  test('ends the same however often it was interrupted', async () => {
    const undisturbed = await night(run, []);
    expect(steps(undisturbed.attempts[0] as Attempt).at(-1)).toBe(total);
    await fc.assert(
      fc.asyncProperty(fc.array(death, { maxLength: 5 }), async (deaths) => {
        const { attempts, final, files } = await night(run, deaths);
        expect(tensors(final)).toEqual(tensors(undisturbed.final));
        expect(files).toContain('my-lora.safetensors');
        for (const one of attempts) {
          const told = steps(one);
          // Absolute: never beyond the end, never back within an attempt.
          expect(told.every((step, i) => step <= total && step >= (told[i - 1] ?? 0))).toBe(true);
          for (const { total: of } of one.facts) expect([null, total]).toContain(of);
        }
        const last = attempts.findLast((one) => steps(one).length > 0);
        expect(steps(last as Attempt).at(-1)).toBe(total);
      }),
      { numRuns: 4 },
    );
  });
});

test('ten resumes in a row: every step at its own number, every name of its own epoch', async () => {
  const run = { length: '--max_train_epochs, 12' };
  // One epoch and some steps each time.
  const deaths = Array.from({ length: 10 }, (_, i) => ({
    DIE_AFTER: String(BATCHES + 1 + (i % 7)),
  }));
  const { attempts, files, home } = await night(run, deaths);
  expect(attempts).toHaveLength(11);
  attempts.forEach((one, i) => {
    const told = steps(one);
    expect(told[0]).toBe(i * BATCHES + 1);
    expect(told).toEqual([...told].sort((a, b) => a - b));
    if (i < 10) expect(told.at(-1)).toBe(i * BATCHES + BATCHES + 1 + (i % 7));
  });
  expect(steps(attempts.at(-1) as Attempt).at(-1)).toBe(96);
  const name = (n: number) => `my-lora-${String(n).padStart(6, '0')}`;
  const weights = Array.from({ length: 11 }, (_, i) => `${name(i + 1)}.safetensors`);
  expect(files).toEqual(
    [
      `${name(10)}-state`,
      `${name(11)}-state`,
      ...weights,
      'my-lora-state',
      'my-lora.safetensors',
    ].sort(),
  );
  const state = JSON.parse(
    readFileSync(join(home, 'out', 'my-lora-state/train_state.json'), 'utf8'),
  );
  expect(state.current_epoch).toBe(12);
});

describe('the end', () => {
  test('a last state without the finished file is made one of, with what an earlier epoch told', async () => {
    const run = { length: '--max_train_epochs, 3' };
    const { attempts, final } = await night(run, [{ DIE_BEFORE_FINAL: '1' }]);
    expect(attempts).toHaveLength(2);
    expect(attempts[1]?.argv.join(' ')).toContain('finish.js');
    expect(attempts[1]?.output).toMatch(/^Made .*my-lora\.safetensors of the last state/);
    const header = final.subarray(8, 8 + Number(final.readBigUInt64LE(0))).toString();
    expect(JSON.parse(header)).toMatchObject({
      __metadata__: { ss_network_dim: '4', ss_output_name: 'my-lora' },
    });
    expect(header).not.toContain('ss_steps');
  });

  test('a finished run is a success at once, and is not trained again', async () => {
    const run = { length: '--max_train_epochs, 3' };
    const { plan: made, final } = await night(run, []);
    const again = attempt(made, await newest(made), env(run));
    expect(again).toMatchObject({ code: 0 });
    expect(again.output).toMatch(/has ended before/);
    expect(readFileSync(made.done.artefact as string)).toEqual(final);
  });

  test('a longer run goes on where a shorter one had its last epochs', async () => {
    const { home } = await night({ length: '--max_train_epochs, 3' }, []);
    const longer = { length: '--max_train_epochs, 5' };
    const made = plan(home, longer);
    const from = await newest(made);
    expect(from?.path).toMatch(/my-lora-000002-state$/);
    const run = attempt(made, from, env(longer));
    expect(run.code).toBe(0);
    expect(steps(run)[0]).toBe(17);
    expect(steps(run).at(-1)).toBe(40);
  });

  test('fresh: what an earlier run left is not gone on from', async () => {
    const { home } = await night({ length: '--max_train_epochs, 3' }, []);
    const words = `python3, ${STANDINS}/train_network.py, --output_dir, ${home}/out, --max_train_epochs, 3`;
    const text = `name: my-lora\ntrainer: sd-scripts\nwith: {fresh: true}\ncommand: [${words}]\n`;
    expect(await newest(planOf(text, home))).toBeNull();
    expect(await newest(planOf(text.replace('with: {fresh: true}\n', ''), home))).not.toBeNull();
  });
});
