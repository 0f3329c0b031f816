import type { FileHandle } from 'node:fs/promises';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { NotAJournal } from './errors.js';
import { files } from './files.js';
import { codeOf } from './fs.js';
import { openSegment, openSegments, readLines } from './lines.js';
import { readSnapshot, type Snapshot } from './snapshot.js';
import type { Entry } from './types.js';

export interface Recording<E extends { type: string }, S> {
  /** What the entries go on from: a snapshot that ends just before them; null for the very beginning,
   * and where there is none. */
  readonly base: Snapshot<S> | null;
  /** In order; at least one. */
  readonly entries: (E & Entry)[];
  /** Unreadable lines, a torn last one left out. */
  readonly damaged: number;
}

/**
 * Reads a recorded journal: one file, a state folder, or a home. Never writes; safe beside a living
 * daemon. After a compaction the segment before it is read too, from the snapshot before it on.
 * @throws NotAJournal where there is none, or nothing of it can be read.
 */
export async function readRecording<E extends { type: string }, S>(
  path: string,
): Promise<Recording<E, S>> {
  const { dir, segments } = await locate(path);
  const entries: Entry[] = [];
  let damaged = 0;
  try {
    for (const segment of segments) damaged += await readInto(entries, segment);
  } finally {
    for (const segment of segments) await segment.close();
  }
  const [first] = entries;
  if (first === undefined) {
    throw new NotAJournal(
      `${path} holds no journal entry (${damaged === 0 ? 'it is empty' : `${damaged} unreadable lines`}). Expected lines such as {"seq":1,"time":1700000000,"type":"daemon_started",…}: give a state/journal.jsonl, a state folder or a home.`,
    );
  }
  const base = await baseOf<S>(dir, first.seq);
  const after = base === null ? entries : entries.filter(({ seq }) => seq > base.seq);
  return { base, entries: after as (E & Entry)[], damaged };
}

async function locate(path: string): Promise<{ dir: string; segments: FileHandle[] }> {
  const found = await stat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null) {
    throw new NotAJournal(
      `${path} does not exist. Give a state/journal.jsonl, a state folder or a home.`,
    );
  }
  if (!found.isDirectory()) {
    const file = await openSegment(path);
    return { dir: dirname(path), segments: file === null ? [] : [file] };
  }
  for (const dir of [path, join(path, 'state')]) {
    const { previous, current } = await openSegments(files(dir));
    const segments = [previous, current].filter((segment) => segment !== null);
    if (segments.length > 0) return { dir, segments };
  }
  throw new NotAJournal(
    `There is no ${basename(files(path).journal)} in ${path}, nor in a state folder of it. Give a state/journal.jsonl, a state folder or a home.`,
  );
}

/** How many lines could not be read. */
async function readInto(entries: Entry[], segment: FileHandle): Promise<number> {
  let damaged = 0;
  let torn = false;
  for await (const lines of readLines(segment)) {
    for (const { entry, bytes } of lines) {
      torn = entry === null && bytes.at(-1) !== NEWLINE;
      if (entry === null) damaged += 1;
      // A crash inside a compaction leaves some entries in both segments.
      else if (entry.seq > (entries.at(-1)?.seq ?? 0)) entries.push(entry);
    }
  }
  return torn && entries.length > 0 ? damaged - 1 : damaged;
}

const NEWLINE = 0x0a;

/** The newest snapshot that leaves the most entries to play: the one that ends where they begin. */
async function baseOf<S>(dir: string, first: number): Promise<Snapshot<S> | null> {
  if (first === 1) return null;
  const names = files(dir);
  for (const path of [names.previousSnapshot, names.snapshot]) {
    const read = await readSnapshot<S>(path);
    if (read.is === 'whole' && read.seq === first - 1) return read;
  }
  return null;
}
