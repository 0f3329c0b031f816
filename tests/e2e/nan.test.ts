import { cpSync, existsSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { House, program } from './house.js';

const job = (steps: number): string => `name: poisoned
command: [python3, poisoned.py, --steps, "${steps}"]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*.safetensors', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
done: { step: ${steps}, artefact: out/lora.safetensors }
remedies: { nan: { args: [--seed, "2"] } }
`;

jest.setTimeout(120_000);

let house: House;
beforeEach(() => {
  house = new House('checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n');
  house.write('work/.keep', '');
  cpSync(program('poisoned.py'), house.path('work/poisoned.py'));
});
afterEach(() => house.demolish());

const lives = (): string[] => house.read('work/trace').trim().split('\n');
const finished = () => house.job('poisoned', 'the end', ({ state }) => state === 'finished');
const weights = (): number =>
  readFileSync(house.path('work/out/lora.safetensors')).readFloatLE(300);

test('weights that turned NaN are seen in the next save, and the run goes back before it with another seed', async () => {
  await house.up();
  await house.queue('poisoned', job(400));
  const { attempts_by_cause, incidents } = await finished();
  expect(attempts_by_cause).toEqual({ start: 1, nan: 1 });
  expect(lives()).toEqual(['0 1', '20 2']);
  expect(incidents.find(({ kind }) => kind === 'nan')?.text).toMatch(
    /^the weights saved at step 30 are no numbers \(step-30\.safetensors: lora\.down\)/,
  );
  expect(existsSync(house.path('state/jobs/poisoned/attempts/1/evidence/why.txt'))).toBe(true);
  expect(weights()).toBe(1);
});

test('a finished file that is no numbers is not what the job was for', async () => {
  await house.up();
  // It ends before another save could tell.
  await house.queue('poisoned', job(29));
  const { attempts_by_cause } = await finished();
  expect(attempts_by_cause).toEqual({ start: 1, nan: 1 });
  expect(lives()).toEqual(['0 1', '20 2']);
  expect(weights()).toBe(1);
});
