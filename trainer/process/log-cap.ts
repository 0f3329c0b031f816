import { execFile } from 'node:child_process';
import { ftruncateSync, readSync, writeSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';

export interface Capped {
  /** Bytes that are gone from the middle, and where: readers with an offset beyond move back by it. */
  readonly dropped: number;
  readonly from: number;
}

/** What collapse and copy work in: a multiple of every file system's block size in use. */
const BLOCK = 1 << 20;
/** Lines at the cut are looked for within so many bytes; a longer one stays torn. */
const LINE = 64 * 1024;
/** How long the copy waits for a writer that is in the middle of a line, in ms. */
const LINE_END_WITHIN_MS = 50;

/**
 * Keeps a log that a trainer is still appending to below `max` bytes (but never below some 3 MiB) by
 * dropping its middle: the head tells how it began, the tail how it ended, and a line between them
 * how much is gone in all. Null when nothing had to be done. Nobody may read on from an offset
 * meanwhile; afterwards readers move back by what is returned.
 *
 * Where the file system can (ext4, xfs), the range is collapsed in place, which no writer notices.
 * Elsewhere the tail is copied down and the file truncated: the trainer appends (O_APPEND), so it
 * goes on at the new end, but what it wrote between the last read and the truncation, which follow
 * each other at once, is lost too.
 */
export async function capLog(
  path: string,
  max: number,
  collapse = collapseRange,
): Promise<Capped | null> {
  const { size } = await stat(path);
  if (size <= max) return null;
  const head = Math.max(BLOCK, align(max / 4));
  const keep = Math.max(BLOCK, align(max / 2));
  const dropped = align(size - head - keep);
  if (dropped <= 0) return null;
  const done = await collapse(path, head, dropped);
  const file = await open(path, 'r+');
  try {
    // A collapse that was given up may have happened all the same. Nothing else makes a log shorter.
    if (!done && (await file.stat()).size >= size) await copyDown(file, head, dropped);
    await mark(file, head, dropped);
  } finally {
    await file.close();
  }
  return { dropped, from: head };
}

function align(bytes: number): number {
  return Math.floor(bytes / BLOCK) * BLOCK;
}

function collapseRange(path: string, offset: number, length: number): Promise<boolean> {
  const args = ['--collapse-range', '--offset', String(offset), '--length', String(length), path];
  return new Promise((resolve) => {
    // Not there, or not supported by this file system: either way the copy does it.
    execFile('fallocate', args, { timeout: 10_000 }, (error) => resolve(error === null));
  });
}

async function copyDown(file: FileHandle, head: number, dropped: number): Promise<void> {
  const buffer = Buffer.alloc(BLOCK);
  let to = head;
  let whole = false;
  for (let full = true; full; ) {
    const { bytesRead } = await file.read(buffer, 0, BLOCK, to + dropped);
    await file.write(buffer, 0, bytesRead, to);
    to += bytesRead;
    full = bytesRead === BLOCK;
    if (bytesRead > 0) whole = isLineEnd(buffer[bytesRead - 1]);
  }
  // The rest without a pause, so that as little as possible is written before the truncation; and
  // not in the middle of a line, whose second half would be lost.
  const deadline = performance.now() + LINE_END_WITHIN_MS;
  for (;;) {
    for (;;) {
      const read = readSync(file.fd, buffer, 0, BLOCK, to + dropped);
      if (read === 0) break;
      writeSync(file.fd, buffer, 0, read, to);
      to += read;
      whole = isLineEnd(buffer[read - 1]);
    }
    if (whole || performance.now() > deadline) break;
    await delay(1);
  }
  ftruncateSync(file.fd, to);
}

const isLineEnd = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;

/**
 * Writes where the gap is and how much is gone in all, in place of what the cut left torn: the last
 * line of the head (and the mark of an earlier cut) and the first of the tail. Half a line would be
 * read as a wrong figure.
 */
async function mark(file: FileHandle, head: number, dropped: number): Promise<void> {
  const before = Buffer.alloc(LINE);
  const after = Buffer.alloc(LINE);
  await file.read(before, 0, LINE, head - LINE);
  const { bytesRead } = await file.read(after, 0, LINE, head);
  const earlier = MARK.exec(before.toString('latin1'));
  const text = markOf(dropped + Number(earlier?.[1] ?? 0));
  const limit = LINE - text.length;
  const lineStart = before.subarray(0, limit).findLastIndex(isLineEnd) + 1;
  const start =
    earlier !== null && earlier.index <= limit
      ? earlier.index
      : lineStart === 0
        ? limit
        : lineStart;
  const torn = after.subarray(0, bytesRead).findIndex(isLineEnd);
  const line =
    torn < 0
      ? `${text.trimEnd().padEnd(LINE - start - 1)}\n`
      : text.trimEnd().padEnd(LINE - start + torn);
  await file.write(line, head - LINE + start);
}

const markOf = (bytes: number): string =>
  `\n[nightwarden: ${bytes} bytes of output were dropped here]\n`;

const MARK = /\n\[nightwarden: (\d+) bytes of output were dropped here\] *\n?$/;
