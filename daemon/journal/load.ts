import type { FileHandle } from 'node:fs/promises';
import { JournalDamaged } from './errors.js';
import { type Files, files } from './files.js';
import { openSegments, readLines } from './lines.js';
import { readSnapshot, type Snapshot, type SnapshotRead } from './snapshot.js';
import type { Entry } from './types.js';

export interface LoadOptions<E extends { type: string }, S> {
  dir: string;
  initial: S;
  apply: (state: S, entry: E & Entry) => S;
}

/** What reading journal.jsonl showed of the file itself. */
export interface Scan {
  size: number;
  /** Behind the last readable line: all that follows is a torn tail. */
  good: number;
  /** Unreadable lines other than the one torn piece at the end. */
  damaged: number;
}

export interface Loaded<S> extends Snapshot<S> {
  scan: Scan;
  /** snapshot.json as found. */
  snapshot: SnapshotRead<unknown>['is'];
}

/**
 * Folds the newest usable snapshot and every later line, changing nothing on disk.
 *
 * Both segments are folded, not journal.jsonl alone: a crash inside a compaction can leave entries
 * behind the snapshot in the previous segment, and a lost snapshot.json is bridged by it.
 * @throws JournalDamaged when the snapshots are lost and the segments do not reach back far enough.
 */
export async function load<E extends { type: string }, S>(
  options: LoadOptions<E, S>,
): Promise<Loaded<S>> {
  const names = files(options.dir);
  const { current, previous } = await openSegments(names);
  try {
    // The snapshot after the segments: one that a living daemon writes in between is newer than
    // they are, and then stands alone. The other way round entries would be missing.
    const snapshot = await readSnapshot<S>(names.snapshot);
    for (const base of await bases(snapshot, names, options.initial)) {
      const folded = await fold(base, previous, current, options.apply);
      if (folded !== null) return { ...folded, snapshot: snapshot.is };
    }
    throw new JournalDamaged(
      `${names.snapshot} is ${snapshot.is}, and neither ${names.previousSnapshot} nor the journal's segments reach back far enough to rebuild the state. Put a backup of the folder back, or move ${options.dir} away to begin anew.`,
    );
  } finally {
    await current?.close();
    await previous?.close();
  }
}

interface Base<S> extends Snapshot<S> {
  /** A substitute for snapshot.json must be followed by the very next entry, or entries are lost. */
  proof: 'none' | 'no hole' | 'an entry and no hole';
}

async function bases<S>(snapshot: SnapshotRead<S>, names: Files, initial: S): Promise<Base<S>[]> {
  if (snapshot.is === 'whole') return [{ ...snapshot, proof: 'none' }];
  const previous = await readSnapshot<S>(names.previousSnapshot);
  const fresh = snapshot.is === 'missing' && previous.is === 'missing';
  const first: Base<S> = {
    seq: 0,
    state: initial,
    proof: fresh ? 'no hole' : 'an entry and no hole',
  };
  if (previous.is !== 'whole') return [first];
  return [{ ...previous, proof: 'an entry and no hole' }, first];
}

/** Null if the segments do not join on to `base` as its proof demands. */
async function fold<E extends { type: string }, S>(
  base: Base<S>,
  previous: FileHandle | null,
  current: FileHandle | null,
  apply: (state: S, entry: E & Entry) => S,
): Promise<(Snapshot<S> & { scan: Scan }) | null> {
  let { state, seq } = base;
  let found = false;
  let damaged = 0;
  const scanOf = async (file: FileHandle | null): Promise<Scan | null> => {
    const scan: Scan = { size: 0, good: 0, damaged: 0 };
    if (file === null) return scan;
    let joined = false;
    let unreadable = 0;
    for await (const lines of readLines(file)) {
      for (const { entry, end } of lines) {
        scan.size = end;
        if (entry === null) {
          unreadable += 1;
          continue;
        }
        scan.damaged += unreadable;
        damaged += unreadable;
        unreadable = 0;
        scan.good = end;
        if (entry.seq <= base.seq) continue;
        // Unreadable lines before it may be the missing ones; they are reported, not lost silently.
        if (!joined && base.proof !== 'none' && entry.seq > seq + 1 + damaged) return null;
        joined = true;
        found = true;
        seq = Math.max(seq, entry.seq);
        state = apply(state, entry as E & Entry);
      }
    }
    // One torn piece at the end is what a crash leaves; more than one is not.
    scan.damaged += Math.max(0, unreadable - 1);
    return scan;
  };
  const before = (await reachesBack(current, base.seq)) ? undefined : await scanOf(previous);
  if (before === null) return null;
  const scan = await scanOf(current);
  if (scan === null || (base.proof === 'an entry and no hole' && !found)) return null;
  return { state, seq, scan };
}

/** True if journal.jsonl itself goes on where the snapshot ends, so the segment before is not needed. */
async function reachesBack(current: FileHandle | null, seq: number): Promise<boolean> {
  if (current === null) return false;
  for await (const lines of readLines(current)) {
    const first = lines.find((line) => line.entry !== null);
    if (first?.entry) return first.entry.seq <= seq + 1;
  }
  return false;
}
