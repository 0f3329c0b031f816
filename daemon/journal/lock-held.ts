import type { Holder } from './identity.js';

/** Another process writes to this state folder. */
export class LockHeld extends Error {
  override readonly name = 'LockHeld';
  constructor(
    readonly dir: string,
    /** Null when the kernel says the lock is held but daemon.lock does not (yet) say by whom. */
    readonly holder: Holder | null,
    /**
     * False when only a recently touched file speaks for a daemon on another machine: it may
     * have died less than a minute ago, and trying again in a minute settles it.
     */
    readonly certain: boolean,
  ) {
    const who =
      holder === null
        ? 'another process'
        : `process ${holder.pid} on ${holder.host} (since ${new Date(holder.since * 1000).toISOString()})`;
    super(
      certain
        ? `${dir} is in use by ${who}. Stop that one first, or give this one another NIGHTWARDEN_HOME.`
        : `${dir} seems to be in use by ${who}, a different machine on the same volume. If that machine is gone, try again in a minute.`,
    );
  }
}
