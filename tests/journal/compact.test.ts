import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { nodeFs, readJournal } from '../../daemon/journal/index.js';
import { intercepted, Refusing, stoppingAfter } from './helpers/faults.js';
import { folders } from './helpers/folder.js';
import { apply, EMPTY, fold, note, openLedger } from './helpers/ledger.js';

const folder = folders();

test('a compaction begins an empty segment and keeps exactly one before it', async () => {
  const dir = await folder();
  const { journal } = await openLedger(dir);
  let state = EMPTY;
  for (const name of ['a', 'b', 'c']) {
    state = fold(state, journal.append([note(name)]).entries);
    expect(await journal.compact(state)).toEqual({ done: true });
    expect(journal.bytes).toBe(0);
  }
  state = fold(state, journal.append([note('d')]).entries);
  await journal.close();
  expect((await readdir(dir)).sort()).toEqual([
    'journal.jsonl',
    'journal.prev.jsonl',
    'snapshot.json',
    'snapshot.prev.json',
  ]);
  expect(await readFile(join(dir, 'journal.prev.jsonl'), 'utf8')).toContain('"c"');
  const again = await openLedger(dir);
  expect(again.state).toEqual(state);
  expect(again.journal.seq).toBe(4);
  await again.journal.close();
});

test('killed at any call of a compaction, with entries arriving meanwhile, it loads to the same state', async () => {
  for (const earlier of [0, 1, 2]) {
    for (let k = 0; ; k += 1) {
      const dir = await folder();
      const before = await openLedger(dir);
      let { state } = before;
      for (let i = 0; i < earlier; i += 1) {
        state = fold(state, before.journal.append([note(`e${i}`)]).entries);
        await before.journal.compact(state);
      }
      state = fold(state, before.journal.append([note('a'), note('b')]).entries);
      await before.journal.close();

      // Opening makes three calls or four; they belong to another test.
      let armed = false;
      const stopping = stoppingAfter(k);
      const fs = intercepted((call, args) =>
        armed ? (stopping.fs[call] as (...a: unknown[]) => Promise<unknown>)(...args) : undefined,
      );
      const { journal } = await openLedger(dir, { fs });
      armed = true;
      const compaction = journal.compact(state).then(() => 'done');
      const during = journal.append([note('c')], { durable: true });
      let flushed = false;
      void during.flushed.then(() => {
        flushed = true;
      });
      const outcome = await Promise.race([compaction, stopping.stopped.then(() => 'stopped')]);
      const surely = flushed;

      const withIt = fold(state, during.entries);
      const read = await readJournal({ dir, initial: EMPTY, apply });
      const again = await openLedger(dir, { fs: nodeFs });
      if (surely) expect(again.state).toEqual(withIt);
      expect([state, withIt]).toContainEqual(again.state);
      expect(read.state).toEqual(again.state);
      expect(again.repaired.damaged_lines).toBe(0);

      // And the journal goes on from there, through another compaction.
      const more = fold(again.state, again.journal.append([note('more')]).entries);
      expect(await again.journal.compact(more)).toEqual({ done: true });
      await again.journal.close();
      const last = await openLedger(dir);
      expect(last.state).toEqual(more);
      await last.journal.close();
      if (outcome === 'done') {
        expect(k).toBeGreaterThan(8);
        break;
      }
    }
  }
});

test.each(['open', 'write', 'datasync', 'rename', 'syncDir', 'close'] as const)(
  'a disk that refuses %s costs the compaction, never an entry',
  async (call) => {
    const dir = await folder();
    const disk = new Refusing([call]);
    const { journal } = await openLedger(dir, { fs: disk.fs, retryMs: 1 });
    let state = fold(EMPTY, journal.append([note('a')]).entries);
    disk.code = 'ENOSPC';
    const result = await journal.compact(state);
    const during = journal.append([note('b')], { durable: true });
    state = fold(state, during.entries);
    disk.code = null;
    await during.flushed;
    expect(result).toEqual({ done: false, code: 'ENOSPC' });
    expect(journal.health).toEqual({ state: 'ok' });
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    state = fold(state, journal.append([note('c')]).entries);
    expect(await journal.compact(state)).toEqual({ done: true });
    await journal.close();
    const again = await openLedger(dir);
    expect(again.state).toEqual(state);
    await again.journal.close();
  },
);

test('closing during a compaction ends it one way or the other and loses nothing', async () => {
  const dir = await folder();
  const { journal } = await openLedger(dir);
  const state = fold(EMPTY, journal.append([note('a')]).entries);
  const compaction = journal.compact(state);
  expect(await journal.close()).toEqual({ unwritten: 0 });
  expect([{ done: true }, { done: false, code: 'CLOSED' }]).toContainEqual(await compaction);
  const again = await openLedger(dir);
  expect(again.state).toEqual(state);
  await again.journal.close();
});

test('a second call during a compaction is the same compaction', async () => {
  const dir = await folder();
  const { journal } = await openLedger(dir);
  const state = fold(EMPTY, journal.append([note('a')]).entries);
  expect(await Promise.all([journal.compact(state), journal.compact(state)])).toEqual([
    { done: true },
    { done: true },
  ]);
  expect(await readFile(join(dir, 'journal.prev.jsonl'), 'utf8')).toContain('"a"');
  await journal.close();
});
