import { files } from './files.js';
import { codeOf, isRefusal, type JournalFs, writeSynced } from './fs.js';
import { openSegment, readLines } from './lines.js';
import type { Loaded } from './load.js';
import type { Repair } from './types.js';

/**
 * Sets a journal with unreadable lines in its middle aside as a copy and keeps the readable lines.
 * Without the rewrite each start would find the same damage and copy the file again.
 * A mere torn tail is left to the segment, which cuts it when it opens the file.
 *
 * @param time Unix seconds, for the copy's name.
 * @returns the report, and the bytes of journal.jsonl that hold whole lines.
 */
export async function repair(
  fs: JournalFs,
  dir: string,
  loaded: Loaded<unknown>,
  time: number,
): Promise<{ repaired: Repair; good: number }> {
  const { size, good, damaged } = loaded.scan;
  const repaired: Repair = {
    cut_bytes: size - good,
    damaged_lines: damaged,
    damaged_copy: null,
    damaged_snapshot: loaded.snapshot === 'damaged',
  };
  if (damaged === 0) return { repaired, good };
  try {
    const damagedCopy = await copyAside(fs, dir, time);
    const kept = await keepReadable(fs, dir);
    return { repaired: { ...repaired, damaged_copy: damagedCopy }, good: kept };
  } catch (error) {
    if (!isRefusal(error)) throw error;
    // A full or read-only disk: the lines are folded all the same, and the file stays as it is
    // for the next start to set aside. Nothing before `good` is ever written to.
    return { repaired, good };
  }
}

async function copyAside(fs: JournalFs, dir: string, time: number): Promise<string> {
  const names = files(dir);
  for (let n = 0; ; n += 1) {
    const copy = names.damagedJournal(time, n);
    try {
      await fs.copy(names.journal, copy);
    } catch (error) {
      if (codeOf(error) === 'EEXIST' && n < 1000) continue;
      throw error;
    }
    const fd = await fs.open(copy);
    try {
      await fs.datasync(fd);
    } finally {
      await fs.close(fd);
    }
    return copy;
  }
}

async function keepReadable(fs: JournalFs, dir: string): Promise<number> {
  const names = files(dir);
  const kept: Buffer[] = [];
  const source = await openSegment(names.journal);
  try {
    for await (const lines of source === null ? [] : readLines(source)) {
      for (const line of lines) if (line.entry !== null) kept.push(line.bytes);
    }
  } finally {
    await source?.close();
  }
  const bytes = Buffer.concat(kept);
  await writeSynced(fs, names.journalTemp, bytes);
  await fs.rename(names.journalTemp, names.journal);
  await fs.syncDir(dir);
  return bytes.length;
}
