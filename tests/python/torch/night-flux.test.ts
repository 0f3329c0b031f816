import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { House, until } from '../../e2e/house.js';
import { lineOf, names, optimizerSteps, run } from './outcome.js';
import { processesOf } from './processes.js';
import { accelerateLaunch, torchPython, trainers, withDiffusers } from './torch-python.js';

const SLOW = 900_000;
/** Enough for two imports of PyTorch and diffusers on a machine that is busy with other things (seconds). */
const PATIENCE = 300;
const STEPS = 16;

let house: House;
beforeEach(() => {
  house = new House(
    'checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\nhang: { floor_seconds: 10 }\n',
  );
});
afterEach(() => house.demolish(), SLOW);

const suite = withDiffusers('a night of a tiny Flux') ? describe : describe.skip;

suite("a LoRA of a tiny Flux, trained by diffusers' own pieces behind accelerate launch", () => {
  const trainer = (name: string): string => join(trainers, `${name}.py`);
  const command = (out: string): string[] =>
    accelerateLaunch(
      trainer('flux'),
      ...['--pretrained_model_name_or_path', house.path('tiny')],
      ...['--instance_data_dir', house.path('images'), '--output_dir', out],
      ...['--max_train_steps', `${STEPS}`, '--checkpointing_steps', '4'],
      ...['--checkpoints_total_limit', '2', '--dataloader_num_workers', '1'],
    );
  const seen = (what: string, wanted: Parameters<House['job']>[2]) =>
    house.job('flux-lora', what, wanted, PATIENCE);
  const attempt = (number: number, file: string): string =>
    house.read(`state/jobs/flux-lora/attempts/${number}/${file}`);
  const from = (number: number): string | undefined =>
    (JSON.parse(attempt(number, 'attempt.json')) as { from: { path: string } | null }).from?.path;

  test(
    'launcher killed, hung in a lock, newest checkpoint torn: the same LoRA, byte for byte',
    async () => {
      await run(torchPython!, [trainer('tiny_flux'), 'make', ...['tiny', 'images'].map(at)]);
      house.write('work/faults.txt', '');
      await house.up();
      await house.queue(
        'flux-lora',
        `name: flux-lora
trainer: diffusers
cwd: work
command: ${JSON.stringify(command('out'))}
env: { FAULTS: ${house.path('work/faults.txt')}, STEP_SECONDS: "0.4" }
`,
      );

      // The launcher alone: the trainer behind it and its worker would go on.
      const first = await seen('a checkpoint', ({ checkpoint }) => checkpoint?.step === 4);
      process.kill(first.trainer_pid!, 'SIGKILL');
      house.write('work/faults.txt', 'lock@10\n');

      // The newest checkpoint is torn while the trainer is stuck, whether it was read by then or not.
      await seen('the lock', ({ attempt, step }) => attempt === 2 && step === 10);
      const torn = house.path('work/out/checkpoint-8/optimizer.bin');
      truncateSync(torn, Math.floor(statSync(torn).size / 2));
      expect(from(2)).toBe(house.path('work/out/checkpoint-4'));
      expect(processesOf(house.home, 1)).toEqual([]);

      const end = await seen('the end', ({ state }) => state === 'finished' || state === 'failed');
      expect(end).toMatchObject({
        state: 'finished',
        step: STEPS,
        attempts_by_cause: { start: 1, crash: 1, hang: 1 },
      });
      expect(end.loss).toBeGreaterThan(0);
      const line = lineOf(trainer('faults'), '# stuck here');
      expect(attempt(2, 'evidence/shim-stacks.txt')).toContain(
        `File "${trainer('faults')}", line ${line} in wait_for_ever`,
      );
      expect(from(3)).toBe(house.path('work/out/checkpoint-4'));
      await until('no process of it left', () => processesOf(house.home).length === 0);

      const [program, ...words] = command(at('whole'));
      await run(program!, words, { env: { ...process.env, STEP_SECONDS: '0' } });
      const [out, whole] = [house.path('work/out'), at('whole')];
      expect(names(out)).toEqual(names(whole));
      const last = [out, whole].map((folder) => join(folder, `checkpoint-${STEPS}`));
      expect(await optimizerSteps(...last)).toEqual([STEPS, STEPS]);
      const lora = (folder: string) =>
        readFileSync(join(folder, 'pytorch_lora_weights.safetensors'));
      expect(lora(out).equals(lora(whole))).toBe(true);
      const drawn = await run(torchPython!, [trainer('tiny_flux'), 'draw', at('tiny'), out]);
      expect(Number(/changed by ([\d.e-]+)/.exec(drawn.stdout)?.[1])).toBeGreaterThan(0);
    },
    SLOW,
  );

  function at(name: string): string {
    return house.path(name);
  }
});
