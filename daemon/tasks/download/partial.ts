import { close, fdatasync, open } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { acquireLock, type Lock, LockHeld, processIdentity } from '../../journal/index.js';
import { ChunkJournal, readUnits } from './chunk-journal.js';
import { Chunks, UNIT } from './chunks.js';
import { codeOf } from './errors.js';
import type { Fingerprint } from './hasher.js';
import { Pen } from './pen.js';
import { reserve } from './reserve.js';
import { sleep } from './wait.js';

const openFile = promisify(open);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);

/** Data is synced, and what is there marked as safe, after this many new bytes. */
const SYNC_EVERY = 256 * 2 ** 20;

/** A file on its way: its bytes, which of them are there, and the lock on both. */
export interface Partial {
  readonly path: string;
  readonly pen: Pen;
  readonly chunks: Chunks;
  /** Notes that a unit's bytes are written. Rejects when the journal cannot be. */
  finished(unit: number): Promise<void>;
  /** Forgets all units. */
  startOver(): Promise<void>;
  /** All bytes are on the disk itself. */
  sync(): Promise<void>;
  /** Keeps it for another time. May be called again. */
  close(): Promise<void>;
  /** Removes what is left of it, after its data was moved away or found bad. */
  remove(): Promise<void>;
}

/** The folder of a file on its way: beside its target, so that the last step is a rename, and named
 * after the content, so that another version of the file begins anew. */
export const partialFolder = (target: string, { hex }: Fingerprint): string =>
  join(dirname(target), `.${basename(target)}.${hex.slice(0, 12)}.partial`);

/** Takes the lock of a file on its way; waits for another process that has it. */
export async function lockPartial(
  folder: string,
  onWait: (holder: string) => void,
  signal: AbortSignal,
): Promise<Lock> {
  let told = false;
  for (;;) {
    try {
      const identity = processIdentity();
      return await acquireLock({ dir: folder, identity, now: () => Date.now() / 1000 });
    } catch (error) {
      // The folder was removed between two of our calls: the other one is done.
      if (codeOf(error) === 'ENOENT') continue;
      if (!(error instanceof LockHeld)) throw error;
      if (!told) onWait(error.holder === null ? 'another process' : `pid ${error.holder.pid}`);
      told = true;
      await sleep(0.2, signal);
    }
  }
}

/** Removes what is left of other versions of the file: nobody will go on with them. One that another
 * process is fetching stays. */
export async function removeOthers(target: string, folder: string): Promise<void> {
  const parent = dirname(target);
  const [head, tail] = [`.${basename(target)}.`, '.partial'];
  for (const name of await readdir(parent)) {
    const other = join(parent, name);
    const version = name.slice(head.length, -tail.length);
    const ours = name.startsWith(head) && name.endsWith(tail) && /^[0-9a-f]{12}$/.test(version);
    if (!ours || other === folder) continue;
    try {
      const identity = processIdentity();
      const lock = await acquireLock({ dir: other, identity, now: () => Date.now() / 1000 });
      await rm(other, { recursive: true, force: true });
      await lock.release();
    } catch (error) {
      if (!(error instanceof LockHeld)) throw error;
    }
  }
}

/** Opens a file on its way in a locked folder: what an earlier download left is taken up. */
export async function openPartial(
  folder: string,
  size: number,
  fingerprint: Fingerprint,
  boot: string,
): Promise<Partial> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, 'data');
  const journalPath = join(folder, 'chunks');
  const subject = { etag: fingerprint.hex, size };
  const length = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  const earlier = length === 0 ? [] : await readUnits(journalPath, subject, boot);
  const there = earlier.filter((unit) => Math.min(size, (unit + 1) * UNIT) <= length);
  const fd = await openFile(path, there.length > 0 ? 'r+' : 'w+', 0o644);
  try {
    await reserve(path, size);
    let journal = await ChunkJournal.begin(journalPath, subject, boot, there);
    let chunks = new Chunks(size, there);
    let unsynced = 0;
    let syncing: Promise<void> = Promise.resolve();
    const mark = async (): Promise<void> => {
      await syncFile(fd);
      await journal.synced();
    };
    let closed = false;
    const closeAll = async (): Promise<void> => {
      if (closed) return;
      closed = true;
      await syncing.catch(() => {}); // told by the next `finished`, or of no interest any more
      await journal.close();
      await closeFile(fd);
    };
    return {
      path,
      pen: new Pen(fd),
      get chunks() {
        return chunks;
      },
      async finished(unit) {
        chunks.finish(unit);
        await journal.add(unit);
        unsynced += UNIT;
        if (unsynced < SYNC_EVERY) return;
        unsynced = 0;
        // In the background: it takes the disk's time and not ours.
        syncing = syncing.then(mark);
        syncing.catch(() => {}); // looked at below
      },
      async startOver() {
        await syncing;
        await journal.close();
        journal = await ChunkJournal.begin(journalPath, subject, boot, []);
        chunks = new Chunks(size);
      },
      async sync() {
        await syncing;
        await syncFile(fd);
      },
      close: closeAll,
      async remove() {
        await closeAll();
        await rm(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}
