import {
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { ProcessIdentity } from '../journal/index.js';

/** state/daemon.json: how the commands find a living daemon and tell it from a dead one's file. */
export interface Announcement extends ProcessIdentity {
  readonly port: number;
  readonly url: string;
  readonly version: string;
  /** Unix seconds. */
  readonly started: number;
}

export interface Teller {
  /** Removes the file if it is still this daemon's. */
  withdraw(): void;
}

/** How often a disk that refuses the file is tried again, in ms. */
const AGAIN_MS = 1000;

/**
 * Writes the file. A disk that refuses it costs the commands their daemon, but not the night: it is
 * written as soon as the disk takes it. `onTrouble` hears of the first refusal, with null of its end.
 */
export function announce(
  dir: string,
  said: Announcement,
  onTrouble: (error: Error | null) => void,
): Teller {
  const first = write(dir, said);
  if (first === null) return { withdraw: () => withdraw(dir, said.pid) };
  onTrouble(first);
  const timer = setInterval(() => {
    if (write(dir, said) !== null) return;
    clearInterval(timer);
    onTrouble(null);
  }, AGAIN_MS);
  return {
    withdraw() {
      clearInterval(timer);
      withdraw(dir, said.pid);
    },
  };
}

/** Atomically; the error of a disk that refuses it is returned. */
function write(dir: string, said: Announcement): Error | null {
  const path = pathIn(dir);
  const temporary = `${path}.${said.pid}.tmp`;
  try {
    const fd = openSync(temporary, 'w');
    try {
      writeSync(fd, `${JSON.stringify(said)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    return null;
  } catch (error) {
    return error as Error;
  }
}

function withdraw(dir: string, pid: number): void {
  try {
    const { pid: named } = JSON.parse(readFileSync(pathIn(dir), 'utf8')) as { pid?: unknown };
    if (named === pid) unlinkSync(pathIn(dir));
  } catch {
    // Gone or unreadable: it names a process that is about to be dead, and is read so.
  }
}

function pathIn(dir: string): string {
  return join(dir, 'daemon.json');
}
