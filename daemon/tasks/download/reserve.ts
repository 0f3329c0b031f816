import { execFile } from 'node:child_process';
import { stat, statfs, truncate } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { DownloadError } from './errors.js';
import { formatSize } from './words.js';

const run = promisify(execFile);

/** Below this, starting a program to reserve room costs more than it is worth. */
const SMALL = 16 * 2 ** 20;

/**
 * Makes the file as long as it will be, its room taken from the disk where the file system can do
 * that (fallocate(1) of util-linux; Node has no call for it). Where it cannot, the room is only
 * looked at. Throws a DownloadError when there is not enough.
 */
export async function reserve(path: string, size: number): Promise<void> {
  const { size: length, blocks } = await stat(path);
  const allocated = 512 * blocks;
  if (length === size && allocated >= size) return;
  await refuseIfFull(path, size - allocated);
  if (size >= SMALL && (await fallocate(path, size))) return;
  await truncate(path, size);
}

async function fallocate(path: string, size: number): Promise<boolean> {
  try {
    await run('fallocate', ['--length', String(size), path], { timeout: 60_000 });
    return true;
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    if (/no space left|quota exceeded/i.test(stderr)) throw tooFull(path, size, null);
    // Not installed, or not for this file system: a hole of that length has to do.
    return false;
  }
}

/** Room for `bytes` more beside a path; the volume's own reserve for root is not counted. */
async function refuseIfFull(path: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(dirname(path));
  const free = bavail * bsize;
  if (free < bytes) throw tooFull(path, bytes, free);
}

export function tooFull(path: string, bytes: number, free: number | null): DownloadError {
  const have = free === null ? 'there is less' : `${formatSize(free)} are free`;
  return new DownloadError(
    'disk_full',
    `${formatSize(bytes)} are needed in ${dirname(path)}, and ${have}.`,
    'Make room there, or set download.folder to a larger volume, and start the download again.',
  );
}
