import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { processesWith } from './census.js';
import { House, program, until } from './house.js';

const { PATH } = process.env;
jest.setTimeout(180_000);
let house: House;
let stalls: string;

beforeEach(() => {
  house = new House(
    'hang: { floor_seconds: 6, confirm_seconds: 1 }\nkill: { grace_seconds: 0.5 }\n',
  );
  stalls = house.path('stalls');
  for (const folder of ['bin', 'work']) mkdirSync(house.path(folder));
  copyFileSync(program('dd.sh'), house.path('bin/dd'));
  process.env['VOLUME_STALLS'] = stalls;
  process.env['PATH'] = `${house.path('bin')}:${PATH}`;
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  delete process.env['VOLUME_STALLS'];
  rmSync(stalls, { force: true });
  await house.demolish();
});

/** Steps quickly, then does something that takes its time. */
const JOB = (wait: string) => `name: waits
command: [sh, -c, 'i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "step $i/50"; sleep 0.05; done; ${wait}; while [ $i -lt 50 ]; do i=$((i+1)); echo "step $i/50"; sleep 0.05; done']
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
done: { step: 50 }
`;

const events = (type: string) =>
  house.read('state/journal.jsonl').split(`"type":"${type}"`).length - 1;
const stateOf = (pid: number): string =>
  readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) (\w).*$/s, '$1');
const asked = () => {
  try {
    return house.read('stalls.asked').length / 2;
  } catch {
    return 0;
  }
};

test('a trainer on a volume that stalls is waited for, told, and not killed', async () => {
  execFileSync('mkfifo', [house.path('work/gate')]);
  await house.up();
  writeFileSync(stalls, '');
  await house.queue('waits', JOB('read word <gate'));
  await house.job('waits', 'the suspicion', ({ state }) => state === 'suspect');
  await until('the question to the volume', () => asked() > 0);
  // Beyond the budget, and the idleness that would have made it a hang, by as much again.
  const last = (await house.status()).jobs[0]?.last_step_time ?? 0;
  await until('16 s without a step', () => Date.now() / 1000 - last > 16);
  expect(events('hang_confirmed')).toBe(0);
  rmSync(stalls);
  writeFileSync(house.path('work/gate'), 'go\n');
  const done = await house.job('waits', 'the end', ({ state }) => state === 'finished');
  expect(done.attempts_by_cause).toEqual({ start: 1 });
});

test('a trainer with a process in state D is waited for, and not killed', async () => {
  await house.up();
  await house.queue('waits', JOB(`python3 ${program('state-d.py')} go || :`));
  await house.job('waits', 'the suspicion', ({ state }) => state === 'suspect');
  const asleep = processesWith([program('state-d.py')]).map(stateOf);
  expect(asleep).toContain('D');
  const last = (await house.status()).jobs[0]?.last_step_time ?? 0;
  await until('16 s without a step', () => Date.now() / 1000 - last > 16);
  expect(events('hang_confirmed')).toBe(0);
  house.write('work/go', '');
  const done = await house.job('waits', 'the end', ({ state }) => state === 'finished');
  expect(done.attempts_by_cause).toEqual({ start: 1 });
});

test('without a suspicion nothing is written to the volume; on one that answers a hang is one', async () => {
  await house.up();
  await house.queue('waits', JOB('[ -e again ] || { : >again; exec sleep 600; }'));
  const early = await house.job('waits', 'step 40', ({ step }) => (step ?? 0) >= 40);
  expect([early.state, asked()]).toEqual(['running', 0]);
  const done = await house.job('waits', 'the end', ({ state }) => state === 'finished');
  expect(done.attempts_by_cause).toEqual({ start: 1, hang: 1 });
  expect(asked()).toBeGreaterThan(0);
});
