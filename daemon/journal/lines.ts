import { isUtf8 } from 'node:buffer';
import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Files } from './files.js';
import { codeOf } from './fs.js';
import type { Entry } from './types.js';

/** One line of a segment; `entry` is null for one that is torn or unreadable. */
export interface Line {
  entry: Entry | null;
  /** As found, with the newline if it has one. */
  bytes: Buffer;
  /** Offset in the file behind the line. */
  end: number;
}

const CHUNK = 256 * 1024;
const NEWLINE = 0x0a;

/**
 * The lines of a segment, some hundreds at a time. A last line without its newline comes as
 * unreadable even if it parses: the write that made it never finished.
 */
export async function* readLines(file: FileHandle): AsyncGenerator<Line[]> {
  let rest: Buffer = Buffer.alloc(0);
  let start = 0;
  for (;;) {
    // A fresh buffer each time: `rest` still points into the last one.
    const chunk = Buffer.allocUnsafe(CHUNK);
    const { bytesRead } = await file.read(chunk, 0, CHUNK, start + rest.length);
    if (bytesRead === 0) break;
    const data = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    const lines: Line[] = [];
    let from = 0;
    for (let at = data.indexOf(NEWLINE); at !== -1; at = data.indexOf(NEWLINE, from)) {
      const entry = parseEntry(data.subarray(from, at));
      lines.push({ entry, bytes: data.subarray(from, at + 1), end: start + at + 1 });
      from = at + 1;
    }
    rest = data.subarray(from);
    start += from;
    if (lines.length > 0) yield lines;
  }
  if (rest.length > 0) yield [{ entry: null, bytes: rest, end: start + rest.length }];
}

/** An entry if the bytes are one JSON object with seq, time and type; null otherwise. */
export function parseEntry(bytes: Buffer): Entry | null {
  // Decoding replaces bad bytes silently, and a rotten string would pass for a good one.
  if (!isUtf8(bytes)) return null;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    return null; // Not JSON: the null is the verdict, and the caller counts it.
  }
  return isEntry(value) ? value : null;
}

export function isEntry(value: unknown): value is Entry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { seq, time, type } = value as Partial<Entry>;
  return (
    Number.isSafeInteger(seq) &&
    (seq as number) > 0 &&
    Number.isFinite(time) &&
    typeof type === 'string' &&
    type !== ''
  );
}

export interface Segments {
  previous: FileHandle | null;
  current: FileHandle | null;
}

// A living daemon rotates once in thousands of events, so a second look is all it ever takes.
const LOOKS = 20;

/** Both segments for reading, as they stood at one moment even beside a daemon that rotates. */
export async function openSegments(names: Files): Promise<Segments> {
  for (let look = 1; ; look += 1) {
    const current = await openSegment(names.journal);
    const previous = await openSegment(names.previousJournal);
    // Rotated between the two opens, `previous` is the same file as `current` or even a later one.
    // While we hold the file open its inode can not be given to another.
    if ((await inodeOf(current)) === (await inodeAt(names.journal))) return { current, previous };
    await previous?.close();
    if (look === LOOKS) return { current, previous: null };
    await current?.close();
  }
}

const inodeOf = async (file: FileHandle | null): Promise<bigint | null> =>
  file === null ? null : (await file.stat({ bigint: true })).ino;

async function inodeAt(path: string): Promise<bigint | null> {
  try {
    return (await stat(path, { bigint: true })).ino;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Opens a segment for reading; null if there is none. */
export async function openSegment(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
