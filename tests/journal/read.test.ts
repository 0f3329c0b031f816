import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { entries, readJournal } from '../../daemon/journal/index.js';
import { folders } from './helpers/folder.js';
import { apply, EMPTY, fold, note, openLedger } from './helpers/ledger.js';
import { Program, translated } from './helpers/program.js';

const folder = folders();
let room: Awaited<ReturnType<typeof translated>>;
beforeAll(async () => {
  room = await translated();
});
afterAll(() => room.remove());

test('entries come from both segments, oldest first, without the torn tail', async () => {
  const dir = await folder();
  const { journal } = await openLedger(dir);
  let state = fold(EMPTY, journal.append([note('forgotten')]).entries);
  await journal.compact(state);
  state = fold(state, journal.append([note('a'), note('b')]).entries);
  await journal.compact(state);
  journal.append([note('c')]);
  await journal.close();
  await appendFile(join(dir, 'journal.jsonl'), '{"seq":5,"time":');
  const seen: unknown[] = [];
  for await (const entry of entries(dir)) seen.push([entry.seq, entry['value' as 'type']]);
  expect(seen).toEqual([
    [2, 'a'],
    [3, 'b'],
    [4, 'c'],
  ]);
});

test('a folder without a journal is an empty state', async () => {
  const dir = join(await folder(), 'none');
  expect(await readJournal({ dir, initial: EMPTY, apply })).toEqual({ state: EMPTY, seq: 0 });
  for await (const entry of entries(dir)) throw new Error(`unexpected ${entry.type}`);
});

test('read beside a living daemon that appends and compacts, the state never has a hole', async () => {
  const dir = await folder();
  const program = new Program('appender.mjs', [room.door, dir]);
  await program.line((line) => Number(line) >= 2);
  let last = 0;
  try {
    for (let look = 0; look < 60; look += 1) {
      const { state, seq } = await readJournal({
        dir,
        initial: { seqs: [] as number[] },
        apply: (old, entry) => ({ seqs: [...old.seqs, entry.seq] }),
      });
      expect(state.seqs).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
      expect(seq).toBeGreaterThanOrEqual(last);
      last = seq;
      let before = 0;
      for await (const entry of entries(dir)) {
        if (before !== 0) expect(entry.seq).toBe(before + 1);
        before = entry.seq;
      }
    }
  } finally {
    await program.kill();
  }
  expect(last).toBeGreaterThan(2);
});
