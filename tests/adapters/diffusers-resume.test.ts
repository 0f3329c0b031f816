import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Attempt, attempt, newest, planOf, STANDINS, steps, temporary } from './standin.js';

const STEPS = 60;

async function night(deaths: readonly Record<string, string>[]) {
  const home = temporary();
  const words = `python3, ${STANDINS}/train_dreambooth_lora_flux.py, --output_dir, ${home}/out`;
  const options = `--max_train_steps, ${STEPS}, --checkpointing_steps, 5, --checkpoints_total_limit, 2`;
  const made = planOf(`name: x\ntrainer: diffusers\ncommand: [${words}, ${options}]\n`, home);
  const attempts: Attempt[] = [];
  for (let i = 0; ; i += 1) {
    attempts.push(attempt(made, await newest(made), deaths[i]));
    if (attempts.at(-1)?.code === 0) break;
    if (i > deaths.length) throw new Error(attempts.at(-1)?.output.slice(-2000));
  }
  const final = readFileSync(made.done.artefact as string);
  return { plan: made, attempts, final, files: readdirSync(join(home, 'out')).sort() };
}

const ENDS = ['checkpoint-55', 'checkpoint-60', 'pytorch_lora_weights.safetensors'];

test('ten resumes in a row end at the right step with the right files', async () => {
  const undisturbed = await night([]);
  const { attempts, final, files } = await night(
    Array.from({ length: 10 }, (_, i) => ({ DIE_AFTER: String(6 + (i % 4)) })),
  );
  expect(attempts).toHaveLength(11);
  expect(attempts.map((one) => steps(one)[0])).toEqual(attempts.map((_, i) => i * 5));
  expect(steps(attempts.at(-1) as Attempt).at(-1)).toBe(STEPS);
  expect(final).toEqual(undisturbed.final);
  expect(files).toEqual(ENDS);
});

test('any interruptions: the same weights, steps that are never beyond the end', async () => {
  const undisturbed = await night([]);
  const death = fc.oneof(
    fc.integer({ min: 1, max: 20 }).map((n) => ({ DIE_AFTER: String(n) })),
    fc.integer({ min: 1, max: 9 }).map((n) => ({ DIE_SAVING: String(n) })),
    fc.constant({ DIE_BEFORE_FINAL: '1' }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(death, { maxLength: 5 }), async (deaths) => {
      const { attempts, final, files } = await night(deaths);
      expect(final).toEqual(undisturbed.final);
      expect(files).toEqual(ENDS);
      for (const one of attempts) {
        const told = steps(one);
        expect(told.every((step, i) => step <= STEPS && step >= (told[i - 1] ?? 0))).toBe(true);
      }
      expect(steps(attempts.at(-1) as Attempt).at(-1)).toBe(STEPS);
    }),
    { numRuns: 4 },
  );
});

test('a finished run ends well again, without a step', async () => {
  const { plan: made, final } = await night([]);
  const again = attempt(made, await newest(made));
  expect(again.code).toBe(0);
  expect(again.output).toContain('Resuming from checkpoint checkpoint-60');
  expect(new Set(steps(again))).toEqual(new Set([60]));
  expect(readFileSync(made.done.artefact as string)).toEqual(final);
});
