import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import type { Health } from '../../daemon/journal/index.js';
import { type Call, intercepted, ManualTimer, Refusing } from './helpers/faults.js';
import { folders } from './helpers/folder.js';
import { EMPTY, type Extra, fold, note, openLedger } from './helpers/ledger.js';

const folder = folders();

/** A journal on a disk that can refuse, with every change of its health. */
async function onBadDisk(calls?: Call[], extra: Extra = {}) {
  const dir = await folder();
  const disk = new Refusing(calls);
  const clock = new ManualTimer();
  const opened = await openLedger(dir, { fs: disk.fs, timer: clock.timer, ...extra });
  const changes: Health[] = [];
  const waiting: { state: string; resolve: () => void }[] = [];
  opened.journal.onHealth((health) => {
    changes.push(health);
    const seen = health.state === 'degraded' ? health.code : health.state;
    for (const one of waiting.splice(0)) {
      if (one.state === seen) one.resolve();
      else waiting.push(one);
    }
  });
  const health = (state: string) =>
    new Promise<void>((resolve) => {
      waiting.push({ state, resolve });
    });
  return { dir, disk, clock, changes, health, ...opened };
}

describe.each(['ENOSPC', 'EROFS', 'EIO', 'EDQUOT'])('a disk that answers %s', (code) => {
  test.each([
    ['write', ['write'], 0],
    ['write after some bytes', ['write'], 37],
    ['sync', ['datasync'], 0],
    ['write, then cutting and opening too', ['write', 'truncate', 'open'], 11],
  ] as [string, Call[], number][])(
    'to %s: all is kept in order and written once it takes it',
    async (_name, calls, partial) => {
      const { dir, disk, clock, changes, health, journal } = await onBadDisk(calls);
      const first = journal.append([note('before')], { durable: true });
      await first.flushed;

      disk.code = code;
      disk.partial = partial;
      const degraded = health(code);
      const a = journal.append([note('a'), note('b')], { durable: true });
      await degraded;
      const b = journal.append([note('c')], { durable: true });
      expect(journal.health).toEqual({
        state: 'degraded',
        since: expect.any(Number),
        code,
        pending: 3,
        dropped: 0,
      });
      expect(await journal.compact(EMPTY)).toEqual({ done: false, code });

      // It refuses once more: no change is told, and the next try is armed.
      const tried = disk.made.length;
      clock.fire();
      while (clock.armed === 0) await new Promise((resolve) => setImmediate(resolve));
      expect(disk.made.length).toBeGreaterThan(tried);
      expect(changes).toHaveLength(1);

      disk.code = null;
      clock.fire();
      await Promise.all([a.flushed, b.flushed]);
      expect(journal.health).toEqual({ state: 'ok' });
      expect(changes.map((change) => change.state)).toEqual(['degraded', 'ok']);
      expect(await journal.close()).toEqual({ unwritten: 0 });

      const text = await readFile(join(dir, 'journal.jsonl'), 'utf8');
      expect(text.match(/"value":"[^"]+"/g)?.join()).toBe(
        ['before', 'a', 'b', 'c'].map((value) => `"value":"${value}"`).join(),
      );
      const again = await openLedger(dir);
      expect(again.state).toEqual(fold(EMPTY, [...first.entries, ...a.entries, ...b.entries]));
      expect(again.repaired).toMatchObject({ cut_bytes: 0, damaged_lines: 0 });
      await again.journal.close();
    },
  );
});

test('a piece of a line left by a dying disk and then a dying daemon is a torn tail', async () => {
  const { dir, disk, health, journal } = await onBadDisk(['write', 'truncate']);
  const first = journal.append([note('before')], { durable: true });
  await first.flushed;
  disk.code = 'ENOSPC';
  disk.partial = 20;
  const degraded = health('ENOSPC');
  journal.append([note('lost')]);
  await degraded;
  expect(await journal.close()).toEqual({ unwritten: 1 });
  const again = await openLedger(dir);
  expect(again.state).toEqual(fold(EMPTY, first.entries));
  expect(again.repaired).toMatchObject({ cut_bytes: 20, damaged_lines: 0 });
  await again.journal.close();
});

test('a change of the reason is told, and since stays', async () => {
  const { disk, clock, changes, health, journal } = await onBadDisk(['write']);
  disk.code = 'ENOSPC';
  const full = health('ENOSPC');
  journal.append([note('a')]);
  await full;
  disk.code = 'EROFS';
  const readOnly = health('EROFS');
  clock.fire();
  await readOnly;
  const [one, two] = changes;
  expect([one?.state, two?.state]).toEqual(['degraded', 'degraded']);
  expect((two as { since: number }).since).toBe((one as { since: number }).since);
  disk.code = null;
  expect(await journal.close()).toEqual({ unwritten: 0 }); // Closing tries a last time.
});

test('started on a read-only disk it is degraded, and cuts the torn tail when it may', async () => {
  const dir = await folder();
  const first = await openLedger(dir);
  const { entries } = first.journal.append([note('a')]);
  await first.journal.close();
  const file = join(dir, 'journal.jsonl');
  const whole = await readFile(file);
  await writeFile(file, '{"seq":2', { flag: 'a' });

  const disk = new Refusing();
  disk.code = 'EROFS';
  const clock = new ManualTimer();
  const { journal, state } = await openLedger(dir, { fs: disk.fs, timer: clock.timer });
  expect(state).toEqual(fold(EMPTY, entries));
  expect(journal.health).toMatchObject({ state: 'degraded', code: 'EROFS' });
  const recovered = new Promise((resolve) => journal.onHealth(resolve));
  disk.code = null;
  clock.fire();
  expect(await recovered).toEqual({ state: 'ok' });
  expect(await readFile(file)).toEqual(whole);
  await journal.close();
});

test('when too much waits the oldest non-durable entries go, and a gap stands where they were', async () => {
  const { dir, disk, clock, health, journal } = await onBadDisk(['write'], { maxPending: 10 });
  disk.code = 'ENOSPC';
  const degraded = health('ENOSPC');
  const flushed = [journal.append([note(1)], { durable: true }).flushed];
  await degraded;
  for (let i = 2; i <= 30; i += 1) {
    flushed.push(journal.append([note(i)], { durable: i % 10 === 0 }).flushed);
  }
  const { health: worst } = journal;
  expect(worst).toMatchObject({ state: 'degraded', pending: 10 });
  const dropped = worst.state === 'degraded' ? worst.dropped : 0;
  expect(dropped).toBe(30 - 9); // Ten lines wait, and one of them is the gap.

  disk.code = null;
  clock.fire();
  await Promise.all(flushed);
  await journal.close();
  const again = await openLedger(dir);
  expect(again.state.dropped).toBe(dropped);
  expect(again.state.values).toEqual([1, 10, 20, 25, 26, 27, 28, 29, 30]);
  expect(again.state.seqs.slice(0, 3)).toEqual([1, 2, 10]); // The gap took the first lost number.
  expect(again.journal.append([note('next')]).entries[0]?.seq).toBe(31);
  await again.journal.close();
});

test('the owner builds the gap event', async () => {
  const { dir, disk, clock, health, journal } = await onBadDisk(['write'], {
    maxPending: 2,
    gap: (dropped) => note(`lost ${dropped}`),
  });
  disk.code = 'EIO';
  const degraded = health('EIO');
  const all = [1, 2, 3, 4].map((i) => journal.append([note(i)]).flushed);
  await degraded;
  disk.code = null;
  clock.fire();
  await Promise.all(all);
  await journal.close();
  const again = await openLedger(dir);
  expect(again.state.values).toEqual(['lost 3', 4]);
  await again.journal.close();
});

test('closing does not wait for ever on a disk that never answers', async () => {
  const dir = await folder();
  let stuck = false;
  let asked = () => {};
  const writing = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const fs = intercepted((call) => {
    if (!stuck || call !== 'write') return undefined;
    asked();
    return new Promise(() => {});
  });
  const clock = new ManualTimer();
  const { journal } = await openLedger(dir, { fs, timer: clock.timer });
  stuck = true;
  journal.append([note('a'), note('b')], { durable: true });
  await writing;
  const closed = journal.close();
  clock.fire();
  expect(await closed).toEqual({ unwritten: 2 });
});
