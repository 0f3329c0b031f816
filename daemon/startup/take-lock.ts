import { setTimeout as delay } from 'node:timers/promises';
import { isAlive } from '../../trainer/process/index.js';
import {
  acquireLock,
  type Holder,
  type Lock,
  LockHeld,
  processIdentity,
} from '../journal/index.js';
import { version } from './version.js';

export interface TakeLock {
  /** The state folder. */
  readonly dir: string;
  readonly takeover: boolean;
  readonly onLost: (by: Holder | null) => void;
}

/** A daemon that is asked to make way only has to close its files. */
const MAKES_WAY_WITHIN_MS = 15_000;

/**
 * Makes this process the only daemon of a home. With `takeover` a living holder on this machine is
 * asked by SIGTERM to make way: under a process manager the daemon that the manager started is the
 * right one, and an older one that lost its manager is not (pm2 adopts nothing after its own death).
 * Throws LockHeld.
 */
export async function takeLock(how: TakeLock): Promise<Lock> {
  const options = {
    dir: how.dir,
    identity: { ...processIdentity(), version: version() },
    now: () => Date.now() / 1000,
    onLost: how.onLost,
  };
  const deadline = performance.now() + MAKES_WAY_WITHIN_MS;
  for (;;) {
    try {
      return await acquireLock(options);
    } catch (error) {
      if (!(error instanceof LockHeld) || !how.takeover || !error.certain) throw error;
      if (performance.now() > deadline) throw error;
      ask(error.holder);
      await delay(100);
    }
  }
}

const asked = new Set<number>();

function ask(holder: Holder | null): void {
  if (holder === null || holder.pid === process.pid || asked.has(holder.pid) || !isAlive(holder))
    return;
  asked.add(holder.pid);
  process.kill(holder.pid, 'SIGTERM');
}
