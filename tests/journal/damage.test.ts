import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { JournalDamaged, readJournal } from '../../daemon/journal/index.js';
import { Refusing } from './helpers/faults.js';
import { folders } from './helpers/folder.js';
import { apply, EMPTY, fold, note, openLedger } from './helpers/ledger.js';

const folder = folders();

/** A journal of five entries, the third of which has rotted. */
async function rotten(dir: string): Promise<{ before: Buffer }> {
  const { journal } = await openLedger(dir);
  journal.append(['a', 'b', 'c', 'd', 'e'].map(note));
  await journal.close();
  const file = join(dir, 'journal.jsonl');
  const before = await readFile(file);
  before[before.indexOf('"c"') + 1] = 0xff; // Inside a string: parses, but is no UTF-8.
  await writeFile(file, before);
  return { before };
}

describe('a line rotten in the middle', () => {
  test('the file is copied, the readable lines are kept and folded, the loss is reported once', async () => {
    const dir = await folder();
    const { before } = await rotten(dir);
    const { journal, state, repaired } = await openLedger(dir);
    expect(state.values).toEqual(['a', 'b', 'd', 'e']);
    expect(repaired).toMatchObject({ cut_bytes: 0, damaged_lines: 1 });
    expect(await readFile(repaired.damaged_copy ?? '')).toEqual(before);
    expect(journal.append([note('f')]).entries[0]?.seq).toBe(6);
    await journal.close();

    const again = await openLedger(dir);
    expect(again.repaired).toMatchObject({ damaged_lines: 0, damaged_copy: null });
    expect(again.state.seqs).toEqual([1, 2, 4, 5, 6]);
    await again.journal.close();
  });

  test('two damages within one second keep two copies', async () => {
    const dir = await folder();
    for (let i = 0; i < 2; i += 1) {
      await rm(join(dir, 'journal.jsonl'), { force: true });
      await rotten(dir);
      const { journal } = await openLedger(dir, { now: () => 1_700_000_000.5 });
      await journal.close();
    }
    const copies = (await readdir(dir)).filter((name) => name.startsWith('journal.damaged-'));
    expect(copies.sort()).toEqual([
      'journal.damaged-1700000000-1.jsonl',
      'journal.damaged-1700000000.jsonl',
    ]);
  });

  test('on a disk that takes no copy it is folded and reported all the same, the file untouched', async () => {
    const dir = await folder();
    const { before } = await rotten(dir);
    const disk = new Refusing(['copy']);
    disk.code = 'ENOSPC';
    const { journal, state, repaired } = await openLedger(dir, { fs: disk.fs });
    expect(state.values).toEqual(['a', 'b', 'd', 'e']);
    expect(repaired).toMatchObject({ damaged_lines: 1, damaged_copy: null });
    await journal.close();
    expect(await readFile(join(dir, 'journal.jsonl'))).toEqual(before);
  });

  test('reading alone changes nothing', async () => {
    const dir = await folder();
    const { before } = await rotten(dir);
    const { state } = await readJournal({ dir, initial: EMPTY, apply });
    expect(state.values).toEqual(['a', 'b', 'd', 'e']);
    expect(await readdir(dir)).toEqual(['journal.jsonl']);
    expect(await readFile(join(dir, 'journal.jsonl'))).toEqual(before);
  });
});

describe('a damaged snapshot', () => {
  /** Compacts `times` times with two entries before each and one after the last. */
  async function compacted(dir: string, times: number) {
    const opened = await openLedger(dir);
    let { state } = opened;
    for (let i = 0; i < times; i += 1) {
      state = fold(state, opened.journal.append([note(`${i}a`), note(`${i}b`)]).entries);
      expect(await opened.journal.compact(state)).toEqual({ done: true });
    }
    state = fold(state, opened.journal.append([note('last')]).entries);
    await opened.journal.close();
    return state;
  }

  test.each([1, 2, 3])(
    'after %d compactions the one before and its segment stand in',
    async (times) => {
      const dir = await folder();
      const state = await compacted(dir, times);
      await writeFile(join(dir, 'snapshot.json'), '{"v":1,"seq":4,"sta');
      expect((await readJournal({ dir, initial: EMPTY, apply })).state).toEqual(state);
      const again = await openLedger(dir);
      expect(again.state).toEqual(state);
      expect(again.repaired.damaged_snapshot).toBe(true);

      // The damaged file must not take the place of the good previous one.
      const more = fold(again.state, again.journal.append([note('more')]).entries);
      expect(await again.journal.compact(more)).toEqual({ done: true });
      await again.journal.close();
      const last = await openLedger(dir);
      expect(last.state).toEqual(more);
      expect(last.repaired.damaged_snapshot).toBe(false);
      await last.journal.close();
      expect((await readdir(dir)).some((name) => name.startsWith('snapshot.damaged-'))).toBe(true);
    },
  );

  test.each(['journal.prev.jsonl', 'snapshot.prev.json'])(
    'without %s too it is a clear error and nothing is changed',
    async (lost) => {
      const dir = await folder();
      await compacted(dir, 2);
      await writeFile(join(dir, 'snapshot.json'), 'null');
      await rm(join(dir, lost));
      const names = await readdir(dir);
      await expect(openLedger(dir)).rejects.toThrow(JournalDamaged);
      await expect(openLedger(dir)).rejects.toThrow('snapshot.json is damaged');
      expect(await readdir(dir)).toEqual(names);
    },
  );

  test('a snapshot that was removed by hand is missed, not replaced by an empty state', async () => {
    const dir = await folder();
    await compacted(dir, 2);
    await rm(join(dir, 'snapshot.json'));
    await rm(join(dir, 'snapshot.prev.json'));
    await rm(join(dir, 'journal.prev.jsonl'));
    await expect(openLedger(dir)).rejects.toThrow('snapshot.json is missing');
  });

  test('one of a later version is refused, never overwritten', async () => {
    const dir = await folder();
    await compacted(dir, 1);
    await writeFile(join(dir, 'snapshot.json'), '{"v":2,"seq":2,"state":{}}');
    await expect(openLedger(dir)).rejects.toThrow('has version 2');
  });
});
