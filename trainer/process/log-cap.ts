import { execFile } from 'node:child_process';
import { open, stat } from 'node:fs/promises';

export interface Capped {
  /** Bytes that are gone from the middle, and where: readers with an offset beyond move back by it. */
  readonly dropped: number;
  readonly from: number;
}

/** What collapse and copy work in: a multiple of every file system's block size in use. */
const BLOCK = 1 << 20;

/**
 * Keeps a log that a trainer is still appending to below `max` bytes by dropping its middle: the
 * head tells how it began, the tail how it ended. Null when nothing had to be done.
 *
 * Where the file system can (ext4, xfs), the range is collapsed in place, which no writer notices.
 * Elsewhere the tail is copied down and the file truncated: the trainer appends (O_APPEND), so it
 * goes on at the new end, but what it wrote between the last read and the truncation is lost too.
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
  if (!(await collapse(path, head, dropped))) await copyDown(path, head, dropped);
  await mark(path, head, dropped);
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

async function copyDown(path: string, head: number, dropped: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const buffer = Buffer.alloc(BLOCK);
    let to = head;
    for (;;) {
      const { bytesRead } = await file.read(buffer, 0, BLOCK, to + dropped);
      if (bytesRead === 0) break;
      await file.write(buffer, 0, bytesRead, to);
      to += bytesRead;
    }
    await file.truncate(to);
  } finally {
    await file.close();
  }
}

/** Overwrites the last bytes of the head, so that the gap is told where it is. */
async function mark(path: string, head: number, dropped: number): Promise<void> {
  const text = `\n[nightwarden: ${dropped} bytes of output were dropped here]\n`;
  const file = await open(path, 'r+');
  try {
    await file.write(text, head - Buffer.byteLength(text));
  } finally {
    await file.close();
  }
}
