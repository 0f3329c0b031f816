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
/** A lock file that nobody on this machine can vouch for is free after a minute of silence. */
const SILENT_WITHIN_MS = 75_000;

/**
 * Makes this process the only daemon of a home. With `takeover` a living holder on this machine is
 * asked by SIGTERM to make way: under a process manager the daemon that the manager started is the
 * right one, and an older one that lost its manager is not (pm2 adopts nothing after its own death).
 * A holder on another machine that shares the volume is waited for: after the restart of a pod it is
 * most likely the daemon of the pod before. Throws LockHeld.
 */
export async function takeLock(how: TakeLock): Promise<Lock> {
  const options = {
    dir: how.dir,
    identity: { ...processIdentity(), version: version() },
    now: () => Date.now() / 1000,
    onLost: how.onLost,
  };
  const began = performance.now();
  for (;;) {
    try {
      return await acquireLock(options);
    } catch (error) {
      if (!(error instanceof LockHeld)) throw error;
      const patience = error.certain ? (how.takeover ? MAKES_WAY_WITHIN_MS : 0) : SILENT_WITHIN_MS;
      if (performance.now() - began >= patience) throw error;
      if (error.certain) ask(error.holder);
      await delay(error.certain ? 50 : 1000);
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
