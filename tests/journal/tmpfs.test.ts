import { spawnSync } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { folders } from './helpers/folder.js';
import { EMPTY, fold, note, openLedger } from './helpers/ledger.js';

const mounted: string[] = [];
// Declared before folders(), whose own hook then removes folders that are no longer mounted on.
afterEach(() => {
  for (const dir of mounted.splice(0)) spawnSync('umount', [dir]);
});
const folder = folders();

const mount = (...args: string[]) => spawnSync('mount', args).status === 0;

/** A real file system of 64 KiB; null where this user may not mount one. */
async function smallDisk(): Promise<string | null> {
  const dir = await folder();
  if (!mount('-t', 'tmpfs', '-o', 'size=64k', 'none', dir)) return null;
  mounted.push(dir);
  return dir;
}

const mayMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
const whereMountable = mayMount ? test : test.skip;

whereMountable('a really full disk: nothing is lost, and room made is used', async () => {
  const dir = await smallDisk();
  if (dir === null) throw new Error('mounting worked a moment ago');
  const filler = join(dir, 'checkpoint');
  await writeFile(filler, Buffer.alloc(40 * 1024));
  const { journal } = await openLedger(dir, { retryMs: 5 });
  let state = EMPTY;
  const degraded = new Promise((resolve) => journal.onHealth(resolve));
  const flushed: Promise<void>[] = [];
  for (let i = 0; i < 60; i += 1) {
    const batch = journal.append([note(`${i} ${'x'.repeat(900)}`)], { durable: true });
    state = fold(state, batch.entries);
    flushed.push(batch.flushed);
    // A turn of its own for each, so that some are written and some meet the wall.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(await degraded).toMatchObject({ state: 'degraded', code: 'ENOSPC' });
  expect(await journal.compact(state)).toMatchObject({ done: false });
  await rm(filler);
  await Promise.all(flushed);
  expect(journal.health).toEqual({ state: 'ok' });
  expect(await journal.close()).toEqual({ unwritten: 0 });
  const again = await openLedger(dir);
  expect(again.state).toEqual(state);
  expect(again.repaired).toMatchObject({ cut_bytes: 0, damaged_lines: 0 });
  await again.journal.close();
});

whereMountable('a disk that is really read-only at the start', async () => {
  const dir = await smallDisk();
  if (dir === null) throw new Error('mounting worked a moment ago');
  const first = await openLedger(dir);
  let state = fold(EMPTY, first.journal.append([note('a')]).entries);
  await first.journal.close();
  expect(mount('-o', 'remount,ro', dir)).toBe(true);
  const { journal, state: loaded } = await openLedger(dir, { retryMs: 5 });
  expect(loaded).toEqual(state);
  expect(journal.health).toMatchObject({ state: 'degraded', code: 'EROFS' });
  const { entries, flushed } = journal.append([note('b')], { durable: true });
  state = fold(state, entries);
  expect(mount('-o', 'remount,rw', dir)).toBe(true);
  await flushed;
  await journal.close();
  const again = await openLedger(dir);
  expect(again.state).toEqual(state);
  await again.journal.close();
});
