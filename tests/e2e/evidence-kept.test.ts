import { existsSync, readdirSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { House, until } from './house.js';

const CONFIG = `hang: { floor_seconds: 1, idle_seconds: 1, network_seconds: 1, confirm_seconds: 0.5 }
kill: { grace_seconds: 0.5 }
retry: { backoff: { first_seconds: 0, max_seconds: 0 } }
`;
/** Makes one step more in each life and hangs, three times. */
const JOB = `name: hangs
command: [sh, -c, 'echo >>lives; n=$(wc -l <lives); echo "step $n/4"; [ $n -lt 4 ] || exit 0; exec sleep 600']
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
done: { step: 4 }
`;

jest.setTimeout(180_000);

let house: House;
beforeEach(() => {
  house = new House(`${CONFIG}evidence: { keep: 2 }\n`);
  house.write('work/.keep', '');
});
afterEach(() => house.demolish());

const evidence = (): string[] =>
  readdirSync(house.path('state/jobs/hangs/attempts'))
    .filter((attempt) => existsSync(house.path('state/jobs/hangs/attempts', attempt, 'evidence')))
    .sort();

const removals = (): number[][] =>
  house
    .read('state/journal.jsonl')
    .split('\n')
    .filter((line) => line.includes('"evidence_removed"'))
    .map((line) => (JSON.parse(line) as { attempts: number[] }).attempts);

test('the newest sets of evidence stay, after a hang and after a start under a tighter rule', async () => {
  const daemon = await house.up();
  await house.queue('hangs', JOB);
  const job = await house.job('hangs', 'the end', ({ state }) => state === 'finished');
  expect(job.attempts_by_cause).toEqual({ start: 1, hang: 3 });
  await until('a removal in the journal', () => removals().length > 0);
  expect(removals()).toEqual([[1]]);
  expect(evidence()).toEqual(['2', '3']);
  // The attempt itself is not forgotten.
  expect(existsSync(house.path('state/jobs/hangs/attempts/1/exit'))).toBe(true);
  expect(existsSync(house.path('state/jobs/hangs/attempts/3/evidence/why.txt'))).toBe(true);

  daemon.kill('SIGTERM');
  await until('the end of the daemon', () => daemon.exitCode !== null);
  // Less than the last set takes: that one stays all the same.
  const rule = 'evidence: { keep: 2, max_bytes: 1024 }\n';
  house.write('config/nightwarden.yaml', `http: { port: 0 }\n${CONFIG}${rule}`);
  await house.up();
  await until('the second removal', () => removals().length > 1);
  expect(removals()).toEqual([[1], [2]]);
  expect(evidence()).toEqual(['3']);
});
