import { execFileSync } from 'node:child_process';
import { constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Workplace } from './workplace.js';

export interface FirstLine {
  readonly pid: number;
  /** performance.now() of this process when it arrived. */
  readonly at: number;
}

export interface FirstLines {
  readonly path: string;
  next(): Promise<FirstLine>;
}

const WITHIN_MS = 60_000;

/** A FIFO to which a program writes its pid as its very first act. Its arrival is timed by the clock
 * of the one process that also sends the kill, and in the same way for every supervisor. */
export function firstLines(place: Workplace, path: string): FirstLines {
  execFileSync('mkfifo', [path]);
  // Read and write: a writer never has to wait for a reader, nor the reader for another writer.
  const socket = new Socket({ fd: openSync(path, constants.O_RDWR | constants.O_NONBLOCK) });
  place.atEnd(() => void socket.destroy());
  const arrived: FirstLine[] = [];
  let wake: (() => void) | null = null;
  let rest = '';
  socket.on('data', (chunk) => {
    const at = performance.now();
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) arrived.push({ pid: Number(line), at });
    wake?.();
  });
  return {
    path,
    async next() {
      for (;;) {
        const line = arrived.shift();
        if (line !== undefined) return line;
        await new Promise<void>((resolve, reject) => {
          const late = setTimeout(
            () => reject(new Error(`${path}: no first line within ${WITHIN_MS} ms`)),
            WITHIN_MS,
          );
          wake = () => {
            clearTimeout(late);
            resolve();
          };
        });
      }
    },
  };
}
