import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { House, until } from '../../e2e/house.js';
import { lineOf, names, optimizerSteps, run } from './outcome.js';
import { processesOf } from './processes.js';
import { torchPython, trainers, withTorch } from './torch-python.js';

export const STEPS = 24;
const SLOW = 900_000;
/** Enough for an import of PyTorch on a machine that is busy with other things (seconds). */
const PATIENCE = 300;

/** A trainer, its job file, and what it leaves. */
export interface Layout {
  readonly name: string;
  readonly args: readonly string[];
  readonly job: string;
  readonly state: (step: number) => string;
  readonly last: string;
}

let house: House;
/** The folder that the same trainer leaves when nothing goes wrong. */
async function uninterrupted({ name, args }: Layout): Promise<string> {
  const out = house.path('whole/out');
  await run(torchPython!, [join(trainers, `${name}.py`), '--output_dir', out, ...args], {
    env: { ...process.env, STEP_SECONDS: '0' },
  });
  return out;
}

/** Stopped, killed, hung, torn and hung again. A file for each layout, so that they run side by side. */
export function badNight(layout: Layout): void {
  const suite = withTorch(`a night of a trainer like ${layout.name}`) ? describe : describe.skip;
  suite(`a LoRA trainer with the layout of ${layout.name}`, () => night(layout));
}

function night(layout: Layout): void {
  beforeEach(() => {
    house = new House(
      'checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\nhang: { floor_seconds: 5 }\n',
    );
  });
  afterEach(() => house.demolish(), SLOW);

  const { name, args, job, state } = layout;

  const queue = async (): Promise<void> => {
    house.write('work/faults.txt', '');
    const words = [torchPython!, join(trainers, `${name}.py`), '--output_dir', 'out', ...args];
    await house.up();
    await house.queue(
      name,
      `name: ${name}
command: ${JSON.stringify(words)}
cwd: work
env: { FAULTS: ${house.path('work/faults.txt')}, STEP_SECONDS: "0.4" }
${job}`,
    );
  };
  const seen = (what: string, wanted: Parameters<House['job']>[2]) =>
    house.job(name, what, wanted, PATIENCE);
  const evidence = (attempt: number): string =>
    house.read(`state/jobs/${name}/attempts/${attempt}/evidence/shim-stacks.txt`);
  const from = (attempt: number): string | undefined => {
    const facts = JSON.parse(house.read(`state/jobs/${name}/attempts/${attempt}/attempt.json`));
    return (facts as { from: { path: string } | null }).from?.path;
  };

  test(
    'stopped, killed, hung in a lock, torn, and hung with a dead worker: ends as if nothing had been',
    async () => {
      await queue();

      // Stopped: it is continued. Then killed.
      const first = await seen('two steps', ({ step }) => (step ?? 0) >= 2);
      process.kill(first.trainer_pid!, 'SIGSTOP');
      await until('it to be continued', () =>
        house.read('state/journal.jsonl').includes('"trainer_continued"'),
      );
      const { step: stopped } = await house.status().then(({ jobs }) => jobs[0]!);
      const going = await seen(
        'more steps and a checkpoint',
        ({ step, checkpoint }) => (step ?? 0) > (stopped ?? 0) && checkpoint !== null,
      );
      expect(going).toMatchObject({ attempt: 1, trainer_pid: first.trainer_pid });
      process.kill(first.trainer_pid!, 'SIGKILL');
      house.write('work/faults.txt', 'lock@17\nworker@18\n');

      // Stuck in a lock at step 17, and its newest state is torn while it is.
      await seen(
        'the lock',
        ({ attempt, step, checkpoint }) => attempt === 2 && step === 17 && checkpoint?.step === 16,
      );
      const torn = house.path('work/out', state(16), 'optimizer.bin');
      truncateSync(torn, Math.floor(statSync(torn).size / 2));

      // Back from the state before, and a worker of the data loader waits for ever after step 18.
      await seen('the third attempt', ({ attempt, step }) => attempt === 3 && (step ?? 0) >= 13);
      const stuck = `File "${join(trainers, 'faults.py')}", line ${lineOf(join(trainers, 'faults.py'), '# stuck here')} in wait_for_ever`;
      expect(evidence(2)).toContain(stuck);
      expect(evidence(2)).toContain('GIL: it can be had');
      expect(from(3)).toBe(house.path('work/out', state(12)));
      expect(processesOf(house.home, 2)).toEqual([]);

      const end = await seen('the end', ({ state }) => state === 'finished' || state === 'failed');
      expect(end).toMatchObject({
        state: 'finished',
        step: STEPS,
        attempts_by_cause: { start: 1, crash: 1, hang: 2 },
      });
      // No output is read of the one: its loss is what the bar was told.
      expect(end.loss).toBeGreaterThan(0);
      expect(evidence(3)).toMatch(/dataloader\.py", line \d+ in _try_get_data/);
      // Batches that it had fetched by then are still trained.
      expect([16, 20].map((step) => house.path('work/out', state(step)))).toContain(from(4));
      await until('no process of it left', () => processesOf(house.home).length === 0);
      const [out, whole] = [house.path('work/out'), await uninterrupted(layout)];
      expect(names(out)).toEqual(names(whole));
      const steps = await optimizerSteps(join(out, layout.last), join(whole, layout.last));
      expect(steps).toEqual([STEPS, STEPS]);
    },
    SLOW,
  );
}
