import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { House, program } from './house.js';

const CONFIG = `hang: { floor_seconds: 1, idle_seconds: 1, network_seconds: 1, confirm_seconds: 0.5 }
kill: { grace_seconds: 1, verify_seconds: 2 }
`;

const { PATH } = process.env;
jest.setTimeout(180_000);
let house: House;
let gpu: string;

beforeEach(() => {
  house = new House(CONFIG);
  gpu = house.path('gpu');
  for (const folder of ['gpu', 'bin', 'work']) mkdirSync(house.path(folder));
  process.env['NVIDIA_SMI_DIR'] = gpu;
  process.env['PATH'] = `${house.path('bin')}:${PATH}`;
});
afterEach(async () => {
  process.env['PATH'] = PATH;
  delete process.env['NVIDIA_SMI_DIR'];
  await house.demolish();
});

/** Takes memory once it was noted what there was before, makes a step and hangs; its second life ends
 * well. */
function job(): string {
  const noted = `${house.path('state/jobs/hangs/attempts')}/$NIGHTWARDEN_ATTEMPT/gpu-memory.json`;
  house.write(
    'work/train.sh',
    `[ ! -e ${house.path('bin/nvidia-smi')} ] || until [ -s ${noted} ]; do sleep 0.02; done
echo $$ >${gpu}/pid
echo "step 1/2"
if [ -e hung ]; then echo "step 2/2"; exit 0; fi
: >hung
exec sleep 600`,
  );
  return `name: hangs
command: [sh, train.sh]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
done: { step: 2 }
`;
}

const standIn = () => copyFileSync(program('nvidia-smi.sh'), house.path('bin/nvidia-smi'));

test('memory that comes back with the kill: the next attempt starts', async () => {
  standIn();
  await house.up();
  await house.queue('hangs', job());
  const done = await house.job('hangs', 'the end', ({ state }) => state === 'finished');
  expect(done.attempts_by_cause).toEqual({ start: 1, hang: 1 });
});

test('memory that does not: the host is bad and nothing is started on it again', async () => {
  standIn();
  await house.up();
  await house.queue('hangs', job());
  await house.job('hangs', 'a hang', () => existsSync(house.path('work/hung')));
  writeFileSync(`${gpu}/stuck`, '');
  const held = await house.job('hangs', 'the verdict', ({ state }) => state === 'holding');
  expect(held).toMatchObject({ attempt: 1, incidents: [{ kind: 'host_bad' }] });
  expect(held.reason).toMatch(/^39\.1 GiB of 39\.1 GiB of GPU memory are not given back/);
  // It was asked more than once before that was said.
  expect(readFileSync(`${gpu}/asked`, 'utf8').length / 2).toBeGreaterThanOrEqual(3);
});

test('a GPU that is gone after an error of CUDA: the host is bad, whatever the error said', async () => {
  const lost = house.path('work/lost');
  const smi = house.path('bin/nvidia-smi');
  house.write(
    'bin/nvidia-smi',
    `#!/bin/sh\n[ ! -e ${lost} ] || { echo "No devices were found"; exit 6; }\nexec sh ${program('nvidia-smi.sh')} "$@"\n`,
  );
  chmodSync(smi, 0o755);
  house.write(
    'work/train.sh',
    `until [ -s ${house.path('state/jobs/loses/attempts')}/$NIGHTWARDEN_ATTEMPT/gpu-memory.json ]; do sleep 0.02; done
: >${lost}
echo "RuntimeError: CUDA error: unspecified launch failure"
exit 1`,
  );
  await house.up();
  await house.queue('loses', 'name: loses\ncommand: [sh, train.sh]\ncwd: work\n');
  const held = await house.job('loses', 'the verdict', ({ state }) => state === 'holding');
  expect(held).toMatchObject({ attempt: 1, cause: 'host_bad' });
  expect(held.reason).toBe('nvidia-smi does not find GPU-5e21 any more');
});

test('without nvidia-smi there is no evidence, and no waiting for any', async () => {
  process.env['PATH'] = withoutNvidiaSmi();
  await house.up();
  await house.queue('hangs', job());
  const done = await house.job('hangs', 'the end', ({ state }) => state === 'finished');
  expect(done.attempts_by_cause).toEqual({ start: 1, hang: 1 });
  expect(existsSync(house.path('state/jobs/hangs/attempts/1/gpu-memory.json'))).toBe(false);
});

function withoutNvidiaSmi(): string {
  const folders = (PATH ?? '').split(':');
  return folders.filter((folder) => !existsSync(`${folder}/nvidia-smi`)).join(':');
}
