import { type Files, files } from './files.js';
import { codeOf, isRefusal, type JournalFs, writeSynced } from './fs.js';
import type { Segment } from './segment.js';
import { type Snapshot, snapshotBytes } from './snapshot.js';
import type { Compaction } from './types.js';
import type { Writer } from './writer.js';

/** snapshot.json as this process knows it: only a whole one may become the previous one. */
export interface SnapshotFile {
  is: 'whole' | 'missing' | 'damaged';
}

export interface CompactOptions {
  fs: JournalFs;
  dir: string;
  writer: Writer;
  segment: Segment;
  onDisk: SnapshotFile;
  /** Unix seconds. */
  now: () => number;
}

/**
 * Writes the snapshot, then lets it take effect and rotates.
 *
 * The slow part (writing and syncing the new snapshot) runs beside the appends; only the renames
 * wait for the queue to be empty. Entries written meanwhile lie behind the snapshot in what becomes
 * the previous segment, which is why loading folds that one too. Stopped between any two calls, the
 * folder loads to the same state:
 *
 *   before the first rename        the old snapshot and both segments are untouched
 *   snapshot.json moved away       the loader takes snapshot.prev.json and journal.jsonl
 *   new snapshot.json in place     entries up to its seq are skipped in journal.jsonl
 *   journal.jsonl moved away       the loader folds what follows the snapshot from journal.prev.jsonl
 */
export async function compact(
  options: CompactOptions,
  snapshot: Snapshot<unknown>,
): Promise<Compaction> {
  const { fs, writer } = options;
  const names = files(options.dir);
  const bytes = snapshotBytes(snapshot); // Now: the state may be another after the next await.
  let failure: unknown = null;
  let ran = false;
  try {
    await writeSynced(fs, names.snapshotTemp, bytes);
    ran = await writer.whenDrained(async () => {
      try {
        await takeEffect(options, names);
      } catch (error) {
        failure = error;
      }
    });
  } catch (error) {
    failure = error;
  }
  if (ran && failure === null) return { done: true };
  await discard(fs, names.snapshotTemp);
  return { done: false, code: failure === null ? 'CLOSED' : codeOf(failure) };
}

async function takeEffect(options: CompactOptions, names: Files): Promise<void> {
  const { fs, segment, onDisk } = options;
  await segment.sync(); // The previous segment must be whole should the new snapshot rot.
  if (onDisk.is === 'whole') {
    await fs.rename(names.snapshot, names.previousSnapshot);
  } else if (onDisk.is === 'damaged') {
    await fs.rename(names.snapshot, names.damagedSnapshot(options.now()));
  }
  onDisk.is = 'missing';
  await fs.rename(names.snapshotTemp, names.snapshot);
  onDisk.is = 'whole';
  await segment.rotate();
}

/** Frees the room a failed compaction took; on a full disk it is needed. */
async function discard(fs: JournalFs, path: string): Promise<void> {
  try {
    await fs.unlink(path);
  } catch (error) {
    // Already renamed, or a disk that takes no change at all: the next compaction overwrites it.
    if (codeOf(error) !== 'ENOENT' && !isRefusal(error)) throw error;
  }
}
