import type { ChildProcess } from 'node:child_process';
import { type FSWatcher, watch } from 'node:fs';
import { type Exit, exitOfStatus, readExit } from './attempt-dir.js';
import { send } from './kill.js';
import { isAlive, type ProcessRef } from './proc.js';

export interface Watched {
  readonly dir: string;
  readonly shepherd: ProcessRef;
  readonly trainer: ProcessRef;
  /** The shepherd, when this daemon started it: its exit is then known at once. */
  readonly child: ChildProcess | null;
}

/** How often the processes themselves are looked at, in ms; the other two ways are immediate. */
const POLL_MS = 250;
/** A shepherd whose trainer is gone writes its status within this time, or never will. */
const STATUS_WITHIN_MS = 2000;

/**
 * Resolves when the trainer is gone: with its exit status, or null when nobody was left to see it.
 * Three ways, because each fails in some order of deaths:
 * - the shepherd's own exit, when it is our child;
 * - the status file appearing, when the shepherd belongs to a daemon that died (inotify may be blind);
 * - the trainer's pid, when the shepherd was killed and nobody writes anything.
 */
export function untilExit(
  watched: Watched,
  signal: AbortSignal,
  poll_ms = POLL_MS,
): Promise<Exit | null> {
  return new Promise((resolve) => {
    let watcher: FSWatcher | null = null;
    let goneSince: number | null = null;
    const finish = (exit: Exit | null): void => {
      clearInterval(timer);
      watcher?.close();
      watched.child?.removeListener('exit', onChildExit);
      signal.removeEventListener('abort', onAbort);
      resolve(exit);
    };
    const onAbort = (): void => finish(null);
    const look = (): boolean => {
      const exit = readExitIfPossible(watched.dir);
      if (exit !== null) finish(exit);
      return exit !== null;
    };
    const onChildExit = (code: number | null): void => {
      if (look() || code === null) return;
      // It could not write (disk full) but told us by its own status, unless the trainer lives on.
      if (isGone(watched.trainer)) finish(exitOfStatus(code));
    };
    const poll = (): void => {
      if (!isGone(watched.trainer) || look()) return;
      goneSince ??= performance.now();
      // Stopped along with its group it would never tell how the trainer ended.
      if (!isGone(watched.shepherd)) send(watched.shepherd, 'SIGCONT');
      const waited = performance.now() - goneSince;
      if (isGone(watched.shepherd) || waited > STATUS_WITHIN_MS) {
        if (!look()) finish(null);
      }
    };
    const timer = setInterval(poll, poll_ms);
    watched.child?.once('exit', onChildExit);
    signal.addEventListener('abort', onAbort, { once: true });
    watcher = watchFolder(watched.dir, look);
    if (signal.aborted) onAbort();
    else onChildExit(watched.child?.exitCode ?? null);
  });
}

/** False also while it cannot be known (no file descriptor left): the next poll looks again. */
function isGone(ref: ProcessRef): boolean {
  try {
    return !isAlive(ref);
  } catch {
    return false;
  }
}

/** A folder that cannot be read just now (a stalled volume) holds no status that could be told. */
function readExitIfPossible(dir: string): Exit | null {
  try {
    return readExit(dir);
  } catch {
    return null;
  }
}

function watchFolder(dir: string, look: () => void): FSWatcher | null {
  try {
    const watcher = watch(dir, { persistent: false }, look);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // Out of inotify watches: the poll sees it a quarter of a second later.
    return null;
  }
}
