import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { JournalClosed } from '../../daemon/journal/index.js';
import { Refusing } from './helpers/faults.js';
import { folders } from './helpers/folder.js';
import { type Event, fold, note, openLedger } from './helpers/ledger.js';

const folder = folders();
const linesOf = async (dir: string) =>
  (await readFile(join(dir, 'journal.jsonl'), 'utf8')).trimEnd().split('\n');

describe('appending', () => {
  test('numbers at once, writes in order, and a reload folds to the same state', async () => {
    const dir = await folder();
    const { journal, state } = await openLedger(dir);
    const first = journal.append([note('a'), note('b')]);
    const second = journal.append([note('c')], { durable: true });
    expect(first.entries.map((entry) => entry.seq)).toEqual([1, 2]);
    expect(second.entries.map((entry) => entry.seq)).toEqual([3]);
    await second.flushed;
    const lines = await linesOf(dir);
    expect(lines.map((line) => Object.keys(JSON.parse(line)))).toEqual(
      lines.map(() => ['seq', 'time', 'type', 'value']),
    );
    expect(await journal.close()).toEqual({ unwritten: 0 });

    const again = await openLedger(dir);
    expect(again.state).toEqual(fold(state, [...first.entries, ...second.entries]));
    expect(again.repaired).toEqual({
      cut_bytes: 0,
      damaged_lines: 0,
      damaged_copy: null,
      damaged_snapshot: false,
    });
    expect(again.journal.append([note('d')]).entries[0]?.seq).toBe(4);
    await again.journal.close();
  });

  test('appends of one turn share one write and one sync; those made meanwhile share the next', async () => {
    const disk = new Refusing();
    const { journal } = await openLedger(await folder(), { fs: disk.fs });
    disk.made.length = 0;
    const order: number[] = [];
    const flushed: Promise<unknown>[] = [];
    for (let i = 0; i < 10; i += 1) {
      const { flushed: done } = journal.append([note(i)], { durable: i === 4 });
      flushed.push(done.then(() => order.push(i)));
    }
    await flushed[0];
    expect(disk.made).toEqual(['write', 'datasync']);
    await Promise.all(flushed);
    expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);

    disk.made.length = 0;
    const alone = journal.append([note('x')], { durable: true }).flushed;
    await Promise.resolve(); // The writer has begun with x alone.
    const rest = [1, 2, 3].map((i) => journal.append([note(i)], { durable: true }).flushed);
    await Promise.all([alone, ...rest]);
    expect(disk.made).toEqual(['write', 'datasync', 'write', 'datasync']);
    await journal.close();
  });

  test('events that are not durable cost no sync', async () => {
    const disk = new Refusing();
    const { journal } = await openLedger(await folder(), { fs: disk.fs });
    disk.made.length = 0;
    await journal.append([note('a')]).flushed;
    expect(disk.made).toEqual(['write']);
    await journal.close();
  });

  test('an append made in the very turn in which a flush resolves is written too', async () => {
    const { journal } = await openLedger(await folder());
    // However many microtasks later: a writer that is just going to rest must not miss it.
    for (let late = 0; late < 50; late += 1) {
      await journal.append([note(late)]).flushed;
      for (let i = 0; i < late; i += 1) await null;
    }
    expect(await journal.close()).toEqual({ unwritten: 0 });
  });

  test('the entry to fold is the one a reload reads: NaN is null, undefined is absent', async () => {
    const dir = await folder();
    const { journal, state } = await openLedger(dir);
    const odd = { ...note(Number.NaN), extra: undefined, seq: 99, time: -1 } as unknown as Event;
    const { entries, flushed } = journal.append([odd]);
    expect(entries[0]).toEqual({ seq: 1, time: expect.any(Number), type: 'note', value: null });
    expect(entries[0]?.time).toBeGreaterThan(0);
    expect(entries[0]).not.toHaveProperty('extra');
    await flushed;
    await journal.close();
    const again = await openLedger(dir);
    expect(again.state).toEqual(fold(state, entries));
    await again.journal.close();
  });

  test('a batch with one bad event is refused as a whole and takes no number', async () => {
    const { journal } = await openLedger(await folder());
    const bad = { type: '' } as unknown as Event;
    expect(() => journal.append([note('a'), bad])).toThrow('non-empty type');
    const loop: Record<string, unknown> = { type: 'note' };
    loop['self'] = loop;
    expect(() => journal.append([note('a'), loop as unknown as Event])).toThrow(TypeError);
    expect(journal.append([note('a')]).entries[0]?.seq).toBe(1);
    await journal.append([]).flushed;
    await journal.close();
  });

  test('a line of any length and any characters comes back', async () => {
    const dir = await folder();
    const { journal, state } = await openLedger(dir);
    const values = ['\n\r\u2028"\\', 'ü€😀', 'y'.repeat(700_000), '\ud800'];
    const { entries } = journal.append(values.map(note), { durable: true });
    await journal.close();
    const again = await openLedger(dir);
    expect(again.repaired.damaged_lines).toBe(0);
    expect(again.state).toEqual(fold(state, entries));
    await again.journal.close();
  });

  test('after close nothing is taken any more', async () => {
    const { journal } = await openLedger(await folder());
    await journal.close();
    expect(() => journal.append([note('a')])).toThrow(JournalClosed);
    await expect(journal.compact({ seqs: [], values: [], dropped: 0 })).rejects.toThrow(
      JournalClosed,
    );
  });

  test('a folder that is none is an error with its path, not a degraded journal', async () => {
    const dir = await folder();
    const { journal } = await openLedger(dir);
    await journal.close();
    await expect(openLedger(join(dir, 'journal.jsonl'))).rejects.toThrow('journal.jsonl');
  });
});
