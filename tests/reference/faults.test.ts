import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decodeSafetensors } from '../../trainer/reference/safetensors.js';
import {
  checkpointsOf,
  eventually,
  processStat,
  SMALL,
  sha256,
  start,
  temporaryFolder,
  train,
} from './program.js';

const { dir, remove } = temporaryFolder();
const artefact = (out: string) => path.join(out, 'my-lora.safetensors');
let expected: string;

beforeAll(async () => {
  const out = path.join(dir, 'whole');
  await train(out);
  expected = sha256(artefact(out));
});
afterAll(remove);

/** Runs into the fault, then again from the newest checkpoint: the fault must be over. */
async function throughOnce(kind: string, step: number) {
  const out = path.join(dir, kind);
  const fault = ['--fault', `${kind}@${step}`];
  const ended = await train(out, ...fault);
  const resume = async (checkpoint = checkpointsOf(out).at(-1)!) => {
    return train(out, ...fault, '--resume', checkpoint);
  };
  return { out, ended, resume };
}

describe('a fault that ends the run does so once', () => {
  test.each([
    ['crash', 1, null, /RuntimeError: CUDA error: an illegal memory access was encountered/],
    ['oom', 1, null, /torch\.OutOfMemoryError: CUDA out of memory/],
    ['kill', null, 'SIGKILL', /avr_loss/],
    ['segv', null, 'SIGSEGV', /avr_loss/],
    ['exit0', 0, null, /avr_loss/],
  ])('%s', async (kind, code, signal, message) => {
    const { out, ended, resume } = await throughOnce(kind, 12);
    expect(ended).toMatchObject({ code, signal });
    expect(ended.err).toMatch(message);
    expect(ended.out).not.toContain('model saved.');
    expect((await resume()).code).toBe(0);
    expect(sha256(artefact(out))).toBe(expected);
  });

  test.each([['tear'], ['tear-zero']])('%s breaks the newest checkpoint alone', async (kind) => {
    const { out, ended, resume } = await throughOnce(kind, 12);
    expect(ended.code).toBe(1);
    const [older, newest] = checkpointsOf(out);
    const sizes = [older!, newest!].map((f) => statSync(path.join(f, 'lora.safetensors')).size);
    expect(sizes[0] === sizes[1]).toBe(kind === 'tear-zero');
    const refused = await resume();
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/cannot resume from .*step-00000010: lora\.safetensors: torn/);
    expect((await resume(older)).code).toBe(0);
    expect(sha256(artefact(out))).toBe(expected);
  });

  test('crash-in-save leaves half a checkpoint under a temporary name', async () => {
    const { out, ended, resume } = await throughOnce('crash-in-save', 8);
    expect(ended.signal).toBe('SIGKILL');
    const left = path.join(out, 'checkpoints', '.tmp-step-00000010');
    expect(readdirSync(left)).toEqual(['lora.safetensors']);
    expect(checkpointsOf(out).length).toBe(1);
    expect((await resume()).code).toBe(0);
    expect(sha256(artefact(out))).toBe(expected);
  });
});

test('nan poisons the weights, and the training goes on to the end', async () => {
  const { out, ended } = await throughOnce('nan', 7);
  expect(ended.code).toBe(0);
  expect(ended.err).toContain('20/20');
  expect(ended.err).toContain('avr_loss=nan');
  const { tensors } = decodeSafetensors(readFileSync(artefact(out)));
  expect(tensors.get('lora_unet_img_in.lora_up.weight')?.data.every(Number.isNaN)).toBe(true);
  const early = await train(out, '--fault', 'nan@7', '--resume', checkpointsOf(out)[0]!);
  expect(early.err).not.toContain('nan');
  expect(sha256(artefact(out))).toBe(expected);
});

test('livelock prints on without a step, until it is told to end', async () => {
  const run = start([...SMALL, '--out', path.join(dir, 'livelock'), '--fault', 'livelock@6']);
  await run.says(/batch not ready, retry 2/);
  run.child.kill('SIGTERM');
  const ended = await run.ended;
  expect(ended.signal).toBe('SIGTERM');
  expect(ended.err).not.toMatch(/ (7|8|9|1\d)\/20/);
});

test('grandchild leaves a process in a session of its own behind', async () => {
  const run = start([...SMALL, '--out', path.join(dir, 'grandchild'), '--fault', 'grandchild@6']);
  const exit = new Promise((resolve) => run.child.once('exit', (_, signal) => resolve(signal)));
  const pid = Number((await run.says(/data loader worker: pid (\d+)\n/))[1]);
  try {
    expect(await exit).toBe('SIGKILL');
    expect(processStat(pid)?.session).toBe(pid);
  } finally {
    process.kill(pid, 'SIGKILL');
  }
  await run.ended;
});

test('stop stands still until it is continued', async () => {
  const out = path.join(dir, 'stop');
  const run = start([...SMALL, '--out', out, '--fault', 'stop@6']);
  await eventually(() => processStat(run.child.pid!)?.state === 'T', 'a stopped process');
  run.child.kill('SIGCONT');
  expect((await run.ended).code).toBe(0);
  expect(sha256(artefact(out))).toBe(expected);
});
