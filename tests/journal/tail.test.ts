import { mkdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nodeFs, readJournal } from '../../daemon/journal/index.js';
import { stoppingAfter } from './helpers/faults.js';
import { folders } from './helpers/folder.js';
import { apply, EMPTY, fold, note, openLedger } from './helpers/ledger.js';

const folder = folders();

test('law: cut at any byte of the last three lines, the state is the fold up to the last whole line', async () => {
  const base = await folder();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 30 }), { minLength: 1, maxLength: 8 }),
      fc.nat(),
      async (values, pick) => {
        run += 1;
        const dir = join(base, String(run));
        const file = join(dir, 'journal.jsonl');
        const { journal } = await openLedger(dir);
        const { entries } = journal.append(values.map(note));
        await journal.close();

        const bytes = await readFile(file);
        const ends = [...bytes.keys()].filter((i) => bytes[i] === 0x0a).map((i) => i + 1);
        const from = ends.at(-4) ?? 0;
        const cut = from + (pick % (bytes.length - from + 1));
        await truncate(file, cut);

        const whole = ends.filter((end) => end <= cut);
        const expected = fold(EMPTY, entries.slice(0, whole.length));
        const good = whole.at(-1) ?? 0;

        expect((await readJournal({ dir, initial: EMPTY, apply })).state).toEqual(expected);
        expect((await stat(file)).size).toBe(cut); // Reading alone cuts nothing.

        const again = await openLedger(dir);
        expect(again.state).toEqual(expected);
        expect(again.repaired).toMatchObject({ cut_bytes: cut - good, damaged_lines: 0 });
        expect((await stat(file)).size).toBe(good);

        const more = again.journal.append([note('after')], { durable: true });
        expect(more.entries[0]?.seq).toBe(whole.length + 1);
        await again.journal.close();
        const last = await openLedger(dir);
        expect(last.state).toEqual(fold(expected, more.entries));
        expect(last.repaired).toMatchObject({ cut_bytes: 0, damaged_lines: 0 });
        await last.journal.close();
        await rm(dir, { recursive: true });
      },
    ),
    { numRuns: 150 },
  );
});

test.each([
  ['half a line with a newline', '{"seq":3,"ti\n'],
  ['JSON that is no entry', '{"seq":"3","time":1,"type":"note"}\n'],
  ['an array', '[1]\n'],
  ['a block of zeros', '\0'.repeat(4096)],
  ['an empty line', '\n'],
])('a last line that is %s is cut', async (_name, tail) => {
  const dir = await folder();
  const file = join(dir, 'journal.jsonl');
  const { journal } = await openLedger(dir);
  const { entries } = journal.append([note('a'), note('b')]);
  await journal.close();
  await writeFile(file, tail, { flag: 'a' });
  const again = await openLedger(dir);
  expect(again.state).toEqual(fold(EMPTY, entries));
  expect(again.repaired).toEqual({
    cut_bytes: tail.length,
    damaged_lines: 0,
    damaged_copy: null,
    damaged_snapshot: false,
  });
  await again.journal.close();
});

test('killed at any call of the repair itself, the next start mends the same', async () => {
  for (let k = 0; ; k += 1) {
    const dir = await folder();
    const file = join(dir, 'journal.jsonl');
    const { journal } = await openLedger(dir);
    const { entries } = journal.append([note('a'), note('b'), note('c')]);
    await journal.close();
    const text = await readFile(file, 'utf8');
    await writeFile(file, text.replace('"b"', '"b') + '{"torn');

    const { fs, stopped } = stoppingAfter(k);
    const opening = openLedger(dir, { fs }).then(() => 'opened');
    const outcome = await Promise.race([opening, stopped.then(() => 'stopped')]);

    const again = await openLedger(dir, { fs: nodeFs });
    const kept = entries.filter((entry) => entry.seq !== 2);
    expect(again.state).toEqual(fold(EMPTY, kept));
    await again.journal.close();
    if (outcome === 'opened') {
      expect(k).toBeGreaterThan(8);
      return;
    }
  }
});

test('an empty folder and an empty file begin at one', async () => {
  for (const name of ['absent', 'empty']) {
    const dir = join(await folder(), name);
    if (name === 'empty') {
      await mkdir(dir);
      await writeFile(join(dir, 'journal.jsonl'), '');
    }
    const { journal, state } = await openLedger(dir);
    expect(state).toEqual(EMPTY);
    expect(journal.append([note('a')]).entries[0]?.seq).toBe(1);
    await journal.close();
  }
});
