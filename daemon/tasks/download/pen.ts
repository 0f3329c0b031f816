import { write } from 'node:fs';
import { diskError } from './errors.js';

/** Writes to one file, one write after the other: the kernel lets no two in at a time, and threads
 * that wait for each other there burn more CPU than the writing. */
export class Pen {
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly fd: number) {}

  /** Writes all of it, however little a call takes. @throws DownloadError */
  put(bytes: Buffer, at: number): Promise<void> {
    const put = this.last.then(() => writeAll(this.fd, bytes, at));
    this.last = put.catch(() => {}); // thrown to its own caller
    return put;
  }
}

async function writeAll(fd: number, bytes: Buffer, at: number): Promise<void> {
  for (let from = 0; from < bytes.length; ) {
    const took = await new Promise<number>((resolve, reject) => {
      write(fd, bytes, from, bytes.length - from, at + from, (error, written) =>
        error === null ? resolve(written) : reject(diskError(error)),
      );
    });
    if (took === 0) throw diskError(new Error('a write took nothing'));
    from += took;
  }
}
