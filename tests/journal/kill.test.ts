import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readJournal } from '../../daemon/journal/index.js';
import { folders } from './helpers/folder.js';
import { Program, translated } from './helpers/program.js';

const folder = folders();
let room: Awaited<ReturnType<typeof translated>>;
beforeAll(async () => {
  room = await translated();
});
afterAll(() => room.remove());

test('kill -9 in the middle of appending and compacting loses no flushed entry, again and again', async () => {
  const dir = await folder();
  let past = 0;
  for (let round = 1; round <= 8; round += 1) {
    const program = new Program('appender.mjs', [room.door, dir]);
    const target = past + 15 * round;
    await program.line((line) => Number(line) >= target);
    await program.kill();
    // All that reached our pipe had been flushed; the last line may lack its newline, so it is not here.
    const flushed = Number(program.lines.filter((line) => /^\d+$/.test(line)).at(-1));
    const { state, seq } = await readJournal({
      dir,
      initial: { seqs: [] as number[] },
      apply: (old, entry) => ({ seqs: [...old.seqs, entry.seq] }),
    });
    expect(seq).toBeGreaterThanOrEqual(flushed);
    expect(state.seqs).toEqual(Array.from({ length: seq }, (_, i) => i + 1));
    past = seq;
  }
});
