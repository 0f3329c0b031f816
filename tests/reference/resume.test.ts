import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeSafetensors } from '../../trainer/reference/safetensors.js';
import { checkpointsOf, SMALL, sha256, start, temporaryFolder, train } from './program.js';

const { dir, remove } = temporaryFolder();
const whole = path.join(dir, 'whole');
const artefact = (out: string) => path.join(out, 'my-lora.safetensors');
let expected: string;

beforeAll(async () => {
  const ended = await train(whole, '--sample-every', '10');
  expect(ended).toMatchObject({ code: 0, signal: null });
  expect(ended.out).toMatch(/model saved\.\n$/);
  expected = sha256(artefact(whole));
});
afterAll(remove);

describe('an uninterrupted run', () => {
  test('leaves checkpoints, samples and a LoRA with its particulars', () => {
    expect(checkpointsOf(whole).map((folder) => path.basename(folder))).toEqual([
      'step-00000005',
      'step-00000010',
      'step-00000015',
      'step-00000020',
    ]);
    expect(readdirSync(path.join(whole, 'samples'))).toEqual([
      'my-lora_000000.png',
      'my-lora_000010.png',
      'my-lora_000020.png',
    ]);
    const { tensors, metadata } = decodeSafetensors(readFileSync(artefact(whole)));
    expect(metadata).toMatchObject({
      ss_output_name: 'my-lora',
      ss_network_dim: '2',
      ss_steps: '20',
    });
    expect(tensors.get('lora_unet_img_in.lora_down.weight')?.shape).toEqual([2, 320]);
    expect(tensors.get('lora_unet_img_in.alpha')?.shape).toEqual([]);
  });
});

describe('the same bytes come out', () => {
  test('of another run, without samples', async () => {
    const out = path.join(dir, 'again');
    await train(out);
    expect(sha256(artefact(out))).toBe(expected);
  });

  test('after a resume from any checkpoint, into another folder', async () => {
    for (const [k, checkpoint] of checkpointsOf(whole).entries()) {
      const out = path.join(dir, `from-${k}`);
      const ended = await train(out, '--resume', checkpoint);
      expect(ended.code).toBe(0);
      expect(ended.out).toContain(`resume training from local state: ${checkpoint}`);
      expect(sha256(artefact(out))).toBe(expected);
    }
  });

  test('after kills without warning, some of them while a checkpoint is written', async () => {
    const out = path.join(dir, 'killed');
    for (const step of ['05', '05', '15', '20']) {
      const newest = existsSync(path.join(out, 'checkpoints')) ? checkpointsOf(out).at(-1) : null;
      const resume = newest ? ['--resume', newest] : [];
      const run = start([...SMALL, '--out', out, '--step-ms', '20', ...resume]);
      const said = newest?.endsWith(step)
        ? run.says(/\r/)
        : run.says(new RegExp(`saving checkpoint: .*step-000000${step}`));
      await said;
      run.child.kill('SIGKILL');
      expect((await run.ended).signal).toBe('SIGKILL');
    }
    const last = checkpointsOf(out).at(-1)!;
    expect((await train(out, '--resume', last)).code).toBe(0);
    expect(sha256(artefact(out))).toBe(expected);
    const left = readdirSync(path.join(out, 'checkpoints'));
    expect(left.filter((name) => name.startsWith('.tmp-'))).toEqual([]);
  });
});

describe('a resume is refused', () => {
  const from = () => checkpointsOf(whole)[1]!;

  test.each([
    ['rank', ['--rank', '3']],
    ['seed', ['--seed', '1']],
    ['lr', ['--lr', '0.1']],
  ])('where %s differs', async (key, args) => {
    const ended = await train(path.join(dir, 'refused'), '--resume', from(), ...args);
    expect(ended.code).toBe(2);
    expect(ended.err).toContain(`${key} differs`);
  });

  test('where the images differ', async () => {
    const data = path.join(dir, 'images');
    mkdirSync(data);
    const sample = path.join(whole, 'samples', 'my-lora_000000.png');
    writeFileSync(path.join(data, 'a.png'), readFileSync(sample));
    const ended = await train(path.join(dir, 'refused'), '--resume', from(), '--data', data);
    expect(ended.code).toBe(2);
    expect(ended.err).toContain('data differs');
  });

  test('where there is no checkpoint', async () => {
    const ended = await train(path.join(dir, 'refused'), '--resume', path.join(dir, 'nowhere'));
    expect(ended.code).toBe(1);
    expect(ended.err).toContain('nowhere');
  });

  test('beyond the steps asked for, where it would replace another LoRA', async () => {
    const out = path.join(dir, 'beyond');
    mkdirSync(out);
    writeFileSync(artefact(out), 'another');
    const ended = await train(out, '--resume', from(), '--steps', '8');
    expect(ended.code).toBe(1);
    expect(readFileSync(artefact(out), 'utf8')).toBe('another');
  });
});

test('--keep leaves the newest checkpoints alone', async () => {
  const out = path.join(dir, 'keep');
  await train(out, '--keep', '2');
  expect(checkpointsOf(out).map((folder) => path.basename(folder))).toEqual([
    'step-00000015',
    'step-00000020',
  ]);
});

test('a folder without images and an unreadable image end it with a message', async () => {
  const data = path.join(dir, 'broken');
  mkdirSync(data);
  const none = await train(path.join(dir, 'x'), '--data', data);
  expect(none.code).toBe(2);
  expect(none.err).toContain('no png, jpg or webp image');
  writeFileSync(path.join(data, 'half.png'), 'not a picture');
  const broken = await train(path.join(dir, 'x'), '--data', data);
  expect(broken.code).toBe(1);
  expect(broken.err).toContain('half.png');
});
