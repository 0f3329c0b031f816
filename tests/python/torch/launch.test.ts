import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { House, until } from '../../e2e/house.js';
import { processesOf } from './processes.js';
import { accelerateLaunch, trainers, withTorch } from './torch-python.js';

const SLOW = 900_000;
/** Enough for two imports of PyTorch on a machine that is busy with other things (seconds). */
const PATIENCE = 300;

let house: House;
beforeEach(() => {
  house = new House('hang: { floor_seconds: 5 }\n');
});
afterEach(() => house.demolish(), SLOW);

const suite = withTorch('a trainer behind accelerate launch') ? describe : describe.skip;

suite('a trainer behind accelerate launch, with two workers of a data loader', () => {
  const seen = (what: string, wanted: Parameters<House['job']>[2]) =>
    house.job('launched', what, wanted, PATIENCE);

  /** The attempt once it has made steps, and that nothing of the one before is left. */
  async function underWay(attempt: number): Promise<number> {
    const job = await seen(
      `steps of attempt ${attempt}`,
      (now) => now.attempt === attempt && now.state === 'running' && now.step !== null,
    );
    // The launcher, the trainer, its two workers; and whatever else torch starts.
    expect(processesOf(house.home, attempt).length).toBeGreaterThanOrEqual(4);
    expect(processesOf(house.home, attempt - 1)).toEqual([]);
    return job.trainer_pid!;
  }

  test(
    'leaves no process behind: launcher killed, launcher terminated, hung, stopped',
    async () => {
      const command = accelerateLaunch(join(trainers, 'launched.py'));
      await house.up();
      house.write('work/.keep', '');
      await house.queue(
        'launched',
        `name: launched
command: ${JSON.stringify(command)}
cwd: work
env: { FAULTS: ${house.path('work/faults.txt')} }
heartbeat: shim
checkpoints: { glob: 'ckpt/step-*.pt', step: 'step-(\\d+)' }
resume: { args: [--from, '{step}'] }
`,
      );
      // A launcher that is killed forwards nothing: the trainer would go on beside its successor.
      process.kill(await underWay(1), 'SIGKILL');
      process.kill(await underWay(2), 'SIGTERM');
      await underWay(3);
      const { step } = await seen('the step', ({ step }) => step !== null);
      // Written as a whole, at a step that is yet to come.
      house.write(
        'work/faults.txt',
        Array.from({ length: 50 }, (_, i) => `lock@${step! + i}\n`).join(''),
      );
      await seen('the hang', ({ attempts_by_cause }) => attempts_by_cause['hang'] === 1);
      house.write('work/faults.txt', '');
      await underWay(4);
      expect(await house.post('/api/jobs/launched/stop')).toBe(200);
      const end = await seen('the end', ({ state }) => state === 'stopped');
      expect(end.attempts_by_cause).toEqual({ start: 1, crash: 2, hang: 1 });
      await until('no process of it left', () => processesOf(house.home).length === 0);
    },
    SLOW,
  );
});
