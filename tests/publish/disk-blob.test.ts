import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DiskBlob } from '../../daemon/tasks/publish/disk-blob.js';

const content = randomBytes((3 << 20) + 17);
let root: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightwarden-blob-'));
  file = join(root, 'file');
  writeFileSync(file, content);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const whole = () => new DiskBlob(file, 0, content.length);

test('a file and any slice of it, as by a Blob in memory', async () => {
  const model = new Blob([content]);
  for (const [start, end] of [
    [0, content.length],
    [5, 5],
    [1 << 20, 2 << 20],
    [content.length - 3, content.length + 100],
  ]) {
    const slice = whole().slice(start, end);
    const expected = Buffer.from(await model.slice(start, end).arrayBuffer());
    expect(slice.size).toBe(expected.length);
    expect(expected.equals(Buffer.from(await slice.arrayBuffer()))).toBe(true);
    const parts: Uint8Array[] = [];
    for await (const part of slice.stream()) parts.push(part);
    expect(expected.equals(Buffer.concat(parts))).toBe(true);
  }
  const inner = whole().slice(10, 100).slice(5, 8);
  expect(Buffer.from(await inner.arrayBuffer())).toEqual(content.subarray(15, 18));
});

test('it is read as it is asked for, and no sooner', async () => {
  const reader = whole().stream().getReader();
  const { value } = await reader.read();
  expect(value).toHaveLength(1 << 20);
  // What is not read yet is not held: a file that shrinks now is seen.
  truncateSync(file, 1 << 20);
  await expect(reader.read()).rejects.toThrow('became shorter');
});
