import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  write,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';

const writeAt = promisify(write);

/** A file open at its end. `at` is where the next byte goes; whoever writes moves it on. */
export interface AppendFile {
  readonly fd: number;
  readonly ino: number;
  at: number;
}

/** Opens a file for appending, its folder made when absent. Not with O_APPEND, which would have Linux
 * ignore the positions we write at. Throws what the file system refuses. */
export function openAtEnd(path: string): AppendFile {
  mkdirSync(dirname(path), { recursive: true });
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o644);
  try {
    const { ino, size } = fstatSync(fd);
    return { fd, ino, at: size + endTornLine(fd, size) };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** A power cut may have torn the last line; the next one must not be glued to it. */
function endTornLine(fd: number, size: number): number {
  const last = Buffer.alloc(1);
  if (size === 0 || readSync(fd, last, 0, 1, size - 1) === 0 || last[0] === 0x0a) return 0;
  writeAllSync(fd, Buffer.from('\n'), size);
  return 1;
}

/** Writes all of `bytes` from `at` on; between parts it asks whether to go on. True when done. */
export async function writeAll(
  fd: number,
  bytes: Buffer,
  at: number,
  goOn: () => boolean,
): Promise<boolean> {
  for (let done = 0; done < bytes.length; ) {
    const part = await writeAt(fd, bytes, done, bytes.length - done, at + done);
    if (!goOn()) return false;
    if (part.bytesWritten === 0) throw new Error('the file took no bytes');
    done += part.bytesWritten;
  }
  return true;
}

export function writeAllSync(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; ) {
    const part = writeSync(fd, bytes, done, bytes.length - done, at + done);
    if (part === 0) throw new Error('the file took no bytes');
    done += part;
  }
}

/** Takes back what a failing disk took of a batch, so that no line stands there half. */
export function cut(fd: number, at: number): void {
  try {
    ftruncateSync(fd, at);
  } catch {
    // The disk is failing already and its trouble is being told; a torn line is the lesser harm.
  }
}
