import { writeSync } from 'node:fs';

const PATIENCE = 200;
const PAUSE_MS = 5;

/**
 * Writes text at once where the stream has a descriptor, so that it is out before a process.exit().
 * A pipe whose reader is slow (EAGAIN) is waited for, at most one second; a reader that is gone is
 * left alone. Never throws.
 */
export function writeToPeople(
  stream: NodeJS.WritableStream & { readonly fd?: number },
  text: string,
): void {
  if (stream.fd === undefined) {
    stream.write(text);
    return;
  }
  let rest = Buffer.from(text);
  for (let tries = 0; tries < PATIENCE && rest.length > 0; tries += 1) {
    try {
      rest = rest.subarray(writeSync(stream.fd, rest));
    } catch (error) {
      // Anything but a full pipe (EPIPE, EIO, EBADF) means that nobody reads; the file has the line.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS);
    }
  }
}
