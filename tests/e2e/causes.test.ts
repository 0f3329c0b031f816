import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { House } from './house.js';

jest.setTimeout(120_000);

let house: House;
beforeEach(async () => {
  house = new House();
  house.write('work/.keep', '');
  await house.up();
});
afterEach(() => house.demolish());

/** Runs a script as a trainer of a hundred steps. */
async function run(script: string): Promise<void> {
  const path = house.write('work/trainer.sh', `${script}\n`);
  const lines = [
    'name: scripted',
    `command: [sh, ${path}]`,
    'cwd: work',
    "log: { step: 'step (\\d+)/(\\d+)' }",
    'done: { step: 100 }',
  ];
  await house.queue('scripted', `${lines.join('\n')}\n`);
}

const finished = () => house.job('scripted', 'the end', ({ state }) => state === 'finished');

test('a complaint that a trainer went on after is not what it ended by', async () => {
  await run(`[ -e lived ] && { echo "step 100/100"; exit 0; }
touch lived
for i in $(seq 30); do
  [ $i = 2 ] && echo "OSError: [Errno 28] No space left on device"
  echo "step $i/100"
  sleep 0.1
done
echo "Segmentation fault"
exit 1`);
  const { attempts_by_cause, incidents } = await finished();
  expect(attempts_by_cause).toEqual({ start: 1, crash: 1 });
  expect(incidents.map(({ text }) => text)).toEqual(['exited with status 1: Segmentation fault']);
});

test('a network that is away at the start is waited for, and the training begins when it is back', async () => {
  await run(`[ -e network ] && { echo "step 100/100"; exit 0; }
echo "warning: xformers not found"
echo "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>"
exit 1`);
  const { state, cause, reason } = await house.job(
    'scripted',
    'the wait',
    (job) => job.cause === 'network',
  );
  expect({ state, cause }).toEqual({ state: 'holding', cause: 'network' });
  expect(reason).toMatch(/^urllib\.error\.URLError/);
  house.write('work/network', '');
  const { attempts_by_cause } = await finished();
  expect(attempts_by_cause['network']).toBeGreaterThanOrEqual(1);
  expect(Object.keys(attempts_by_cause)).toEqual(['start', 'network']);
});
