import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { folders, linesOf } from './helpers/folder.js';
import { translated } from './helpers/translated.js';

const folder = folders();
const program = fileURLToPath(new URL('fixtures/dies.mjs', import.meta.url));
let room: Awaited<ReturnType<typeof translated>>;
beforeAll(async () => {
  room = await translated();
});
afterAll(() => room.remove());

const die = (dir: string, when: string, maxBytes = 10_000_000) =>
  spawnSync(process.execPath, [program, room.door, dir, when, String(maxBytes)], {
    encoding: 'utf8',
    timeout: 30_000,
  });

describe('fatal() and process.exit() at once', () => {
  test.each(['at-once', 'busy'])('lose no line of 2,000 and no fatal one (%s)', async (when) => {
    const dir = await folder();
    const { status, stderr } = die(dir, when);
    expect(status).toBe(1);
    const lines = await linesOf(join(dir, 'nightwarden.jsonl'));
    const numbers = lines.slice(0, -1).map(({ n }) => n);
    const first = when === 'busy' ? 0 : 1;
    expect(numbers).toEqual(Array.from({ length: 2001 - first }, (_, i) => i + first));
    expect(lines.at(-1)).toMatchObject({
      level: 'fatal',
      scope: 'main',
      message: 'the daemon cannot go on',
      error: { name: 'Error', message: 'everything is lost', cause: 'a test' },
    });
    expect(stderr).toMatch(
      /^\d\d:\d\d:\d\d fatal main: the daemon cannot go on error="everything is lost"\n {4}at /,
    );
  });

  test('a small file is rotated before, but never in the middle of the end', async () => {
    const dir = await folder();
    expect(die(dir, 'busy', 20_000).status).toBe(1);
    const newest = await linesOf(join(dir, 'nightwarden.jsonl'));
    expect(newest.at(-1)?.level).toBe('fatal');
    const numbers = newest.slice(0, -1).map(({ n }) => n);
    expect(numbers.at(-1)).toBe(2000);
    expect(numbers).toEqual(numbers.map((_, i) => 2001 - numbers.length + i));
  });

  test('a log file that cannot be written does not keep the words from stderr', () => {
    const { status, stderr } = die(program, 'at-once');
    expect(status).toBe(1);
    expect(stderr.split('\n')[0]).toMatch(/warn .*cannot write the log file .*\(E\w+\); going on/);
    expect(stderr).toContain('the daemon cannot go on');
    expect(stderr.match(/cannot write/g)).toHaveLength(1);
  });
});
