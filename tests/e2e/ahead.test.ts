import { cpSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readRef } from '../../trainer/process/index.js';
import { processesWith } from './census.js';
import { House, program, until } from './house.js';

const JOB = `name: stranger
command: [python3, stranger.py, --steps, "100000"]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
`;

let house: House;
beforeEach(() => {
  house = new House('checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n');
  house.write('work/.keep', '');
  cpSync(program('stranger.py'), house.path('work/stranger.py'));
});
afterEach(() => house.demolish());

/** Shepherds that wait for a next attempt: an attempt's own has no other arguments either, but a claim. */
const waiting = (): number[] => {
  const working = [1, 2, 3, 4].map((n) => shepherdOf(n));
  return processesWith(['shepherd.sh - ', house.home]).filter((pid) => !working.includes(pid));
};

const shepherdOf = (attempt: number): number | undefined =>
  readRef(house.path('state/jobs/stranger/attempts', String(attempt)), 'claim')?.pid;

const one = (): Promise<number> =>
  until<number | undefined>('one shepherd that waits', () => {
    const [pid, another] = waiting();
    return another === undefined ? pid : undefined;
  });

const running = (attempt: number) =>
  house.job(
    'stranger',
    `steps of attempt ${attempt}`,
    (job) => job.attempt === attempt && job.state === 'running' && (job.step ?? 0) > 0,
  );

test('a shepherd waits while an attempt runs, takes the next, and goes with its daemon', async () => {
  const daemon = await house.up();
  await house.queue('stranger', JOB);
  const first = await running(1);
  const ahead = await one();
  process.kill(first.trainer_pid!, 'SIGKILL');
  const second = await running(2);
  expect(shepherdOf(2)).toBe(ahead);

  // Its daemon is killed: the one that waits ends, the trainer goes on.
  const next = await one();
  expect(next).not.toBe(ahead);
  daemon.kill('SIGKILL');
  await until('the end of the one that waited', () => waiting().length === 0);
  await house.up();
  const adopted = await running(2);
  expect(adopted.trainer_pid).toBe(second.trainer_pid);

  // Killed by somebody: the next attempt does without, and gets a new one for the one after.
  process.kill(await one(), 'SIGKILL');
  await until('its end', () => waiting().length === 0);
  process.kill(adopted.trainer_pid!, 'SIGKILL');
  await running(3);
  await one();

  expect(await house.post('/api/jobs/stranger/stop')).toBeLessThan(300);
  await house.job('stranger', 'the stop', ({ state }) => state === 'stopped');
  await until(
    'nothing that waits or runs',
    () => processesWith([house.home, 'shepherd']).length === 0,
  );
});
