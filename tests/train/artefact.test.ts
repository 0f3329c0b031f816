import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lookAtArtefact } from '../../daemon/tasks/train/artefact.js';
import { ones, safetensors } from '../checkpoints/helpers.js';

let dir: string;
let file: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-artefact-'));
  file = join(dir, 'a.safetensors');
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('what an earlier run left is as good as not there', async () => {
  writeFileSync(file, safetensors({ a: ones(64) }));
  utimesSync(file, 1000, 1000);
  expect(await lookAtArtefact(file)).toBe('whole');
  expect(await lookAtArtefact(file, 1000 * 1000)).toBe('whole');
  // Volumes that keep times in steps of two seconds.
  expect(await lookAtArtefact(file, 1001.9 * 1000)).toBe('whole');
  expect(await lookAtArtefact(file, 1002.1 * 1000)).toBe('absent');
});

test('none asked for, none there, one that is cut short, one that is no numbers', async () => {
  expect(await lookAtArtefact(null, 1)).toBeNull();
  expect(await lookAtArtefact(file)).toBe('absent');
  writeFileSync(file, safetensors({ a: ones(64) }).subarray(0, 200));
  expect(await lookAtArtefact(file)).toBe('torn');
  writeFileSync(file, safetensors({ a: [...ones(64), Number.NaN] }));
  expect(await lookAtArtefact(file)).toBe('nan');
});
