import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { savedLoras } from '../../daemon/tasks/publish/saved-loras.js';
import { planOf, STANDINS, temporary } from '../adapters/standin.js';

let home: string;
beforeEach(() => {
  home = temporary();
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

function write(name: string, content: string | Buffer = 'x'): void {
  mkdirSync(dirname(join(home, name)), { recursive: true });
  writeFileSync(join(home, name), content);
}

/** A file that has kohya's metadata and no tensors. */
function weights(name: string, metadata: object): void {
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  write(name, Buffer.concat([length, json]));
}

/** What is found for a job, as `[path, step]`. */
async function found(text: string): Promise<[string, number][]> {
  const { weights, checkpoints, cwd } = planOf(`name: my-lora\n${text}`, home);
  const loras = await savedLoras(weights ?? checkpoints, cwd, 0);
  return loras.map(({ path, step }) => [relative(home, path), step]);
}

describe('kohya: files numbered by epochs and steps', () => {
  const job = (trainer: string, more = '') =>
    `trainer: ${trainer}\ncommand: [python3, ${STANDINS}/train_network.py, --output_dir, ${home}/out, --output_name, face, --max_train_epochs, 4${more}]\n`;
  const BATCHES = { ss_num_batches_per_epoch: '10' };

  test('without their states, which are removed earlier; not the final one, nor of another run', async () => {
    for (const name of ['face', 'face-000001', 'face-000003', 'face2-000002', 'face-000009'])
      weights(`out/${name}.safetensors`, BATCHES);
    write('out/face-000003-state/model.safetensors');
    expect(await found(job('sd-scripts'))).toEqual([
      ['out/face-000003.safetensors', 30],
      ['out/face-000001.safetensors', 10],
    ]);
  });

  test('in mid-epoch, and of an attempt that went on from there', async () => {
    for (const name of ['face-step00000005', 'face-000001', 'face-from00000015-step00000008'])
      weights(`out/${name}.safetensors`, BATCHES);
    expect(await found(job('sd-scripts', ', --save_every_n_steps, 5'))).toEqual([
      ['out/face-from00000015-step00000008.safetensors', 18],
      ['out/face-000001.safetensors', 10],
      ['out/face-step00000005.safetensors', 5],
    ]);
  });

  test('musubi-tuner counts from the epoch that its attempt began at', async () => {
    for (const name of ['face-000001', 'face-from000001-000002'])
      weights(`out/${name}.safetensors`, BATCHES);
    expect(await found(job('musubi-tuner'))).toEqual([
      ['out/face-from000001-000002.safetensors', 30],
      ['out/face-000001.safetensors', 10],
    ]);
  });

  test('none where nothing tells how many steps an epoch has', async () => {
    weights('out/face-000001.safetensors', {});
    expect(await found(job('sd-scripts'))).toEqual([]);
  });
});

test('diffusers: in the folders of its checkpoints', async () => {
  write('out/checkpoint-500/pytorch_lora_weights.safetensors');
  write('out/checkpoint-1000/pytorch_lora_weights.safetensors');
  write('out/checkpoint-1500/optimizer.bin');
  const script = `${STANDINS}/train_dreambooth_lora_flux.py`;
  expect(
    await found(`trainer: diffusers\ncommand: [python3, ${script}, --output_dir, ${home}/out]\n`),
  ).toEqual([
    ['out/checkpoint-1000/pytorch_lora_weights.safetensors', 1000],
    ['out/checkpoint-500/pytorch_lora_weights.safetensors', 500],
  ]);
});

test('ai-toolkit: its checkpoints are LoRAs', async () => {
  write(
    'toolkit.yaml',
    'job: extension\nconfig: { name: face, process: [{ training_folder: out }] }\n',
  );
  write('out/face/face_000000250.safetensors');
  write('out/face/face.safetensors');
  expect(
    await found(`trainer: ai-toolkit\ncwd: ${home}\nwith: { config: ${home}/toolkit.yaml }\n`),
  ).toEqual([['out/face/face_000000250.safetensors', 250]]);
});

test('any program: checkpoints that are safetensors files, and no others', async () => {
  write('ckpt/step-5.safetensors');
  write('ckpt/step-6.pt');
  expect(
    await found(
      `command: [true]\ncwd: ${home}\ncheckpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }\n`,
    ),
  ).toEqual([['ckpt/step-5.safetensors', 5]]);
  expect(await found('command: [true]\n')).toEqual([]);
});
