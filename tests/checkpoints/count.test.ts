import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type CheckpointSpec, findCheckpoints } from '../../trainer/checkpoints/index.js';
import { temporary } from './helpers.js';

async function state(dir: string, name: string, train?: object): Promise<void> {
  await mkdir(join(dir, `${name}-state`), { recursive: true });
  const path = join(dir, `${name}-state`, 'train_state.json');
  if (train !== undefined) await writeFile(path, JSON.stringify(train));
}

async function weights(dir: string, name: string, batches: number, accumulation = 1) {
  const metadata = {
    ss_num_batches_per_epoch: String(batches),
    ss_gradient_accumulation_steps: String(accumulation),
  };
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await writeFile(join(dir, `${name}.safetensors`), Buffer.concat([length, json]));
}

function spec(dir: string, more: object = {}): CheckpointSpec {
  return {
    glob: `${dir}/face*-state`,
    step: '(?:^|/)face(?:-from(?<base>\\d{8}))?(?:-(?<epoch>\\d{6})|-step(?<step>\\d{8}))?-state$',
    count: {
      stem: join(dir, 'face'),
      batches_per_epoch: null,
      accumulation: 1,
      max_epochs: 4,
      max_steps: null,
      state_tells: true,
      ...more,
    },
  };
}

const steps = async (dir: string, more?: object): Promise<number[]> =>
  (await findCheckpoints(spec(dir, more), dir)).map(({ step }) => step);

test('epochs are of the length that the newest weights of this run tell', async () => {
  const dir = await temporary();
  await state(dir, 'face-000002', { current_epoch: 2, current_step: 6 });
  // Of no weights: what the state says of itself.
  expect(await steps(dir)).toEqual([6]);
  await weights(dir, 'face-000001', 10);
  await utimes(join(dir, 'face-000001.safetensors'), 1e9, 1e9);
  expect(await steps(dir)).toEqual([20]);
  await weights(dir, 'face-000002', 11, 2);
  expect(await steps(dir)).toEqual([12]);
  // Another run whose name begins alike.
  await weights(dir, 'face2-000003', 99);
  await weights(dir, 'face-two', 99);
  expect(await steps(dir)).toEqual([12]);
  expect(await steps(dir, { batches_per_epoch: 7, accumulation: 2 })).toEqual([8]);
});

test('steps in names count from the beginning of the epoch in which their attempt began', async () => {
  const dir = await temporary();
  await weights(dir, 'face', 10);
  for (const name of [
    'face-step00000004',
    'face-from00000014-step00000008',
    'face-from00000020-000003',
  ])
    await state(dir, name, {});
  expect(await steps(dir)).toEqual([30, 18, 4]);
});

test('the end is the end of the run that is wanted alone, and nothing else lies at it', async () => {
  const dir = await temporary();
  await weights(dir, 'face', 10);
  await state(dir, 'face', { current_epoch: 4, current_step: 20 });
  await state(dir, 'face-000004', {});
  await state(dir, 'face-step00000040', {});
  await state(dir, 'face-000003', {});
  expect(await steps(dir)).toEqual([40, 30]);
  // A longer run, and one that ends in mid-epoch.
  expect(await steps(dir, { max_epochs: 5 })).toEqual([40, 40, 30]);
  expect(await steps(dir, { max_epochs: null, max_steps: 35 })).toEqual([35, 30]);
  await state(dir, 'face', { current_epoch: 3, current_step: 20 });
  expect(await steps(dir)).toEqual([30]);
});
