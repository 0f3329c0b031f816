import { writev } from 'node:fs';

/** Writes all buffers one after the other from `position` on, however little a call takes. */
export function writeAll(
  fd: number,
  buffers: readonly Buffer[],
  position: number,
  done: (error: NodeJS.ErrnoException | null) => void,
): void {
  // writev(2) takes 1024 pieces at most (IOV_MAX).
  const now = buffers.length > 1024 ? buffers.slice(0, 1024) : buffers;
  const asked = now.reduce((sum, { length }) => sum + length, 0);
  writev(fd, now, position, (error, written) => {
    if (error !== null) return done(error);
    if (written === asked && now.length === buffers.length) return done(null);
    if (written === 0)
      return done(Object.assign(new Error('a write took nothing'), { code: 'EIO' }));
    writeAll(fd, after(buffers, written), position + written, done);
  });
}

function after(buffers: readonly Buffer[], bytes: number): Buffer[] {
  let skip = bytes;
  const left: Buffer[] = [];
  for (const buffer of buffers) {
    if (skip < buffer.length) left.push(skip === 0 ? buffer : buffer.subarray(skip));
    skip = Math.max(0, skip - buffer.length);
  }
  return left;
}
