import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { LogFollower } from '../../trainer/heartbeat/index.js';

const PATTERNS = { step: '(\\d+)/(\\d+)', total: null, epoch: null, loss: 'loss=(\\S+)' };

let dir: string;
let log: string;
let follower: LogFollower;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-follower-'));
  log = join(dir, 'a.log');
  follower = new LogFollower(log, PATTERNS);
});
afterEach(async () => {
  await follower.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a log that is not there yet is followed once it is', async () => {
  expect(await follower.poll()).toBeNull();
  writeFileSync(log, 'at 1/9\n');
  expect(await follower.poll()).toMatchObject({ step: 1, total: 9 });
  appendFileSync(log, 'at 2/9 loss=0.5\nat 3/9\n');
  expect(await follower.poll()).toMatchObject({ step: 3, total: 9, loss: 0.5 });
  expect(await follower.poll()).toBeNull();
});

test('polls at the same time read no byte twice', async () => {
  writeFileSync(log, Array.from({ length: 50_000 }, (_, i) => `at ${i}/50000\n`).join(''));
  const [first, ...others] = await Promise.all(Array.from({ length: 4 }, () => follower.poll()));
  expect(first).toMatchObject({ step: 49_999 });
  expect(others).toEqual([null, null, null]);
  expect(new Set(follower.tail()).size).toBe(200);
});

test('a long backlog is skipped to its end, where half a line says nothing', async () => {
  // So that the place it goes on from (4 MiB before the end) is amid the figures of the first.
  const rest = `${'x'.repeat(4 * 1024 * 1024 - 8)}\n`;
  writeFileSync(log, `${'y'.repeat(1024)}\nat 123456/200000\n${rest}`);
  expect(await follower.poll()).toBeNull();
  appendFileSync(log, 'at 123457/200000\n');
  expect(await follower.poll()).toMatchObject({ step: 123_457 });
});

test('what the figures are counted from is read at the beginning, however long the backlog', async () => {
  await follower.close();
  follower = new LogFollower(log, {
    ...PATTERNS,
    absolute: {
      by: 'epochs',
      batches: 'batches (\\d+)',
      accumulation: 'accumulation (\\d+)',
      total: 'total (\\d+)',
      epoch: '^epoch (\\d+)',
      resumed: null,
    },
  });
  const rest = `${'x'.repeat(6 * 1024 * 1024)}\n`;
  writeFileSync(log, `batches 10\ntotal 100\nat 0/100\nepoch 5\n${rest}at 7/100\n`);
  expect(await follower.poll()).toMatchObject({ step: 47, total: 100 });
});

test('a log that somebody emptied is followed from where it is', async () => {
  writeFileSync(log, 'at 1/9\nat 12');
  await follower.poll();
  truncateSync(log, 0);
  expect(await follower.poll()).toBeNull();
  appendFileSync(log, '34/5000\nat 5/9\n');
  expect(await follower.poll()).toMatchObject({ step: 5, total: 9 });
  expect(follower.tail()).not.toContain('at 1234/5000');
});

test('a last line without an end counts when the trainer is done, and not before', async () => {
  writeFileSync(log, 'at 8/9\rat 9/9');
  expect(await follower.poll()).toMatchObject({ step: 8 });
  expect(await follower.poll()).toMatchObject({ step: 9, total: null });
  expect(await follower.finish()).toMatchObject({ step: 9, total: 9 });
});

test('finish reads what is left first', async () => {
  writeFileSync(log, 'at 8/9\n');
  await follower.poll();
  appendFileSync(log, 'loss=0.5\nat 9/9');
  expect(await follower.finish()).toMatchObject({ step: 9, total: 9, loss: 0.5 });
  expect(follower.tail()).toEqual(['at 8/9', 'loss=0.5', 'at 9/9']);
});

test('one that cannot be read rejects, and reads on when it can', async () => {
  const strange = new LogFollower(dir, PATTERNS);
  await expect(strange.poll()).rejects.toThrow('EISDIR');
  await expect(strange.poll()).rejects.toThrow('EISDIR');
  await strange.close();
});
