import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { folders, linesOf } from './helpers/folder.js';
import { translated } from './helpers/translated.js';

const folder = folders();
const program = fileURLToPath(new URL('fixtures/fills.mjs', import.meta.url));

test('a disk that takes half a batch is left without half a line', async () => {
  const room = await translated();
  const dir = await folder();
  // A limit on file size ends a write as a full disk does: part of it taken, then an error (EFBIG).
  const script = 'ulimit -f 8 && exec "$@"';
  const args = ['-c', script, 'sh', process.execPath, program, room.door, dir];
  const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: 30_000 });
  await room.remove();
  expect([status, stderr.match(/cannot write .* \(EFBIG\)/g)]).toEqual([0, [expect.any(String)]]);
  const file = join(dir, 'nightwarden.jsonl');
  const lines = await linesOf(file);
  expect(lines.map(({ n }) => n)).toEqual(lines.map((_, n) => n));
  expect(lines.length).toBeLessThan(200);
  expect((await stat(file)).size).toBeLessThanOrEqual(8 * 1024);
});
