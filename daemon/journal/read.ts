import { JournalDamaged } from './errors.js';
import { files } from './files.js';
import { openSegments, readLines } from './lines.js';
import { type LoadOptions, load } from './load.js';
import type { Entry } from './types.js';

export type ReadOptions<E extends { type: string }, S> = LoadOptions<E, S>;

/**
 * The state as the files tell it. Never writes, never cuts, and ignores a torn tail; safe beside a
 * living daemon.
 * @throws JournalDamaged as openJournal does.
 */
export async function readJournal<E extends { type: string }, S>(
  options: ReadOptions<E, S>,
): Promise<{ state: S; seq: number }> {
  try {
    return await loaded(options);
  } catch (error) {
    if (!(error instanceof JournalDamaged)) throw error;
    // A whole compaction that passes while the snapshots are being read looks like a lost one.
    // Real damage is still there at the second look.
    return loaded(options);
  }
}

async function loaded<E extends { type: string }, S>(options: ReadOptions<E, S>) {
  const { state, seq } = await load(options);
  return { state, seq };
}

/**
 * Every readable line, oldest first: the previous segment, then the current one. For the report and
 * for replay; the entries before the previous segment live on in the snapshot only.
 */
export async function* entries<E extends { type: string }>(
  dir: string,
): AsyncGenerator<E & Entry, void> {
  const { current, previous } = await openSegments(files(dir));
  try {
    for (const segment of [previous, current]) {
      if (segment === null) continue;
      for await (const lines of readLines(segment)) {
        for (const { entry } of lines) if (entry !== null) yield entry as E & Entry;
      }
    }
  } finally {
    await current?.close();
    await previous?.close();
  }
}
