import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf, isRefusal } from './fs.js';
import { type Holder, isSame, type ProcessIdentity } from './identity.js';
import {
  type Claim,
  publish,
  readLock,
  refuseIfHeld,
  touch,
  unlinkIfThere,
  verdictOn,
} from './lock-file.js';
import { LockHeld } from './lock-held.js';
import { TOUCH_S } from './lock-judge.js';
import { bindMutex, type Mutex } from './lock-socket.js';

export interface LockOptions {
  /** The state folder; created if absent. */
  dir: string;
  identity: ProcessIdentity;
  /** Unix seconds. */
  now: () => number;
  /** Told once if a daemon on another machine took the folder over, which it may after a minute of silence. */
  onLost?: (by: Holder | null) => void;
  bind?: (dir: string) => Promise<Mutex>;
  /** Calls `run` every `seconds` until the returned function is called. */
  every?: (seconds: number, run: () => void) => () => void;
}

export interface Lock {
  readonly path: string;
  /** What guards it: the kernel's socket with the file beside it, or the file alone. */
  readonly by: 'socket' | 'file';
  /** Errno name of the last failed write of daemon.lock; null while it is fresh. */
  readonly fileTrouble: string | null;
  /** Removes daemon.lock if it is ours and frees the socket. */
  release(): Promise<void>;
}

const wallEvery = (seconds: number, run: () => void): (() => void) => {
  const timer = setInterval(run, seconds * 1000);
  timer.unref(); // The lock must not be what keeps a finished daemon alive.
  return () => clearInterval(timer);
};

/**
 * Makes this process the only writer of the folder, or says who is. Never stuck after a crash: on
 * one machine a dead holder's lock is free at once, on a shared volume after a minute.
 * @throws LockHeld; node's own error for a folder that can not be made or read.
 */
export async function acquireLock(options: LockOptions): Promise<Lock> {
  const { dir, identity, now, bind = bindMutex } = options;
  await mkdir(dir, { recursive: true });
  const mutex = await bind(dir);
  const claim: Claim = {
    dir,
    path: join(dir, 'daemon.lock'),
    me: { ...identity, since: now() },
    mutex: mutex.is === 'bound',
  };
  if (mutex.is === 'taken') throw new LockHeld(dir, await namedHolder(claim, now), true);
  const free = mutex.is === 'bound' ? mutex.release : async () => {};
  try {
    const fileTrouble = await claimFile(claim, now);
    return new HeldLock(claim, free, fileTrouble, options);
  } catch (error) {
    await free();
    throw error;
  }
}

/** The holder the file names, unless the file is an older one's and the new one has not written yet. */
async function namedHolder(claim: Claim, now: () => number): Promise<Holder | null> {
  const found = await readLock(claim.path);
  if (found === null || verdictOn(claim, found, now() * 1000).free) return null;
  return found.holder;
}

/** @returns null, or the errno name if the disk takes no file and the mutex alone has to do. */
async function claimFile(claim: Claim, now: () => number): Promise<string | null> {
  try {
    await publish(claim);
    return null;
  } catch (error) {
    // A daemon must be able to start on a full disk: it is the one that makes room.
    if (!claim.mutex || !isRefusal(error)) throw error;
    const found = await readLock(claim.path);
    if (found !== null) refuseIfHeld(claim, found, now() * 1000);
    return codeOf(error);
  }
}

class HeldLock implements Lock {
  readonly path: string;
  readonly by: 'socket' | 'file';
  private readonly stopTouching: () => void;
  private touching: Promise<void> | null = null;
  private released: Promise<void> | null = null;

  constructor(
    private readonly claim: Claim,
    private readonly freeMutex: () => Promise<void>,
    private trouble: string | null,
    private readonly options: LockOptions,
  ) {
    this.path = claim.path;
    this.by = claim.mutex ? 'socket' : 'file';
    this.stopTouching = (options.every ?? wallEvery)(TOUCH_S, () => {
      this.touching ??= this.refresh().finally(() => {
        this.touching = null;
      });
    });
  }

  get fileTrouble(): string | null {
    return this.trouble;
  }

  release(): Promise<void> {
    this.released ??= this.letGo();
    return this.released;
  }

  private async letGo(): Promise<void> {
    this.stopTouching();
    await this.touching;
    try {
      const found = await readLock(this.path);
      if (found?.holder && isSame(found.holder, this.claim.me)) await unlinkIfThere(this.path);
    } catch (error) {
      // A disk that takes no change leaves our name there; our death is what frees it then.
      if (!isRefusal(error)) throw error;
    } finally {
      await this.freeMutex();
    }
  }

  private async refresh(): Promise<void> {
    const { claim, path } = this;
    try {
      const found = await readLock(path);
      if (found?.holder && isSame(found.holder, claim.me)) {
        await touch(path, claim.me);
      } else {
        // Removed by hand, never written because the disk was full, or another's: publishing
        // tells which, for it throws LockHeld if that other one is alive.
        await publish(claim);
      }
      this.trouble = null;
    } catch (error) {
      if (error instanceof LockHeld) this.lost(error.holder);
      // Anything else is the disk's trouble. The mutex is not touched by it, so the lock stands;
      // the owner can show it, and the next touch tries again.
      this.trouble = codeOf(error);
    }
  }

  private lost(by: Holder | null): void {
    this.stopTouching();
    this.options.onLost?.(by);
  }
}
