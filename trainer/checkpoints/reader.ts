import { type FileHandle, open } from 'node:fs/promises';

/** The part of a file handle that verification needs; injected so that a test can count reads. */
export type OpenFile = (path: string) => Promise<Pick<FileHandle, 'read' | 'stat' | 'close'>>;

export const openFile: OpenFile = (path) => open(path, 'r');

/** Random access to one open file. */
export interface Reader {
  /** Bytes, from the open handle: the name may mean another file by now. */
  readonly size: number;
  /** Up to `length` bytes from `position`; fewer only at the end of the file. */
  read(position: number, length: number): Promise<Buffer>;
}

/** Opens a file, hands out a reader, and closes it whatever happens. */
export async function withReader<T>(
  path: string,
  open: OpenFile,
  use: (reader: Reader) => Promise<T>,
): Promise<T> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    return await use({ size, read: (position, length) => readAll(handle, position, length, size) });
  } finally {
    await handle.close();
  }
}

async function readAll(
  handle: Pick<FileHandle, 'read'>,
  position: number,
  length: number,
  size: number,
): Promise<Buffer> {
  const start = Math.max(0, position);
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - start)));
  let filled = 0;
  // A read may come back short (a signal, a network volume); zero bytes mean the file shrank.
  while (filled < buffer.length) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, start + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}
