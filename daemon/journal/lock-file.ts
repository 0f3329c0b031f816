import { link, open, readFile, rename, stat, unlink } from 'node:fs/promises';
import { codeOf, nodeFs, writeSynced } from './fs.js';
import { type Holder, isSame, startTicks } from './identity.js';
import { LockHeld } from './lock-held.js';
import { judge, parseHolder, type Verdict } from './lock-judge.js';

export interface Found {
  holder: Holder | null;
  text: string;
  mtimeMs: number;
}

/** daemon.lock as it stands; null if there is none. */
export async function readLock(path: string): Promise<Found | null> {
  try {
    const text = await readFile(path, 'utf8');
    return { holder: parseHolder(text), text, mtimeMs: (await stat(path)).mtimeMs };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

export interface Claim {
  dir: string;
  path: string;
  me: Holder;
  /** The kernel's mutex is ours, so no other process of this network namespace can be racing. */
  mutex: boolean;
}

// Each turn is lost to another process that claims or leaves at the same moment.
const TURNS = 20;

/**
 * Writes daemon.lock if nobody holds it.
 *
 * link(2) puts the complete file in place and fails if there is one, so two claimants can not both
 * believe they were first; rename would let the later one win silently.
 * @throws LockHeld; or node's own error when the disk refuses.
 */
export async function publish(claim: Claim): Promise<void> {
  const { path, me } = claim;
  const temp = `${path}.${me.pid}-${me.start_ticks}.tmp`;
  try {
    await writeSynced(nodeFs, temp, Buffer.from(textOf(me)));
    // Ages are taken against a file written just now on the same volume: another machine's clock,
    // or the file server's, may be minutes from ours.
    const { mtimeMs: clock } = await stat(temp);
    for (let turn = 0; turn < TURNS; turn += 1) {
      if (await placed(claim, temp, clock)) return;
    }
    throw new LockHeld(claim.dir, (await readLock(path))?.holder ?? null, false);
  } finally {
    await unlinkIfThere(temp);
  }
}

async function placed(claim: Claim, temp: string, clock: number): Promise<boolean> {
  const { path, mutex } = claim;
  let canLink = true;
  try {
    await link(temp, path);
    return true;
  } catch (error) {
    const code = codeOf(error);
    canLink = code === 'EEXIST';
    // Some FUSE and SMB volumes have no hard links. With the mutex held a rename is sound enough.
    if (!canLink && !(mutex && NO_LINKS.has(code))) throw error;
  }
  const found = await readLock(path);
  if (found !== null) refuseIfHeld(claim, found, clock);
  if (!canLink) {
    await rename(temp, path);
    return true;
  }
  if (found !== null) await bury(claim, found);
  return false;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** @throws LockHeld if the process that the file names still holds the folder. */
export function refuseIfHeld(claim: Claim, found: Found, clockMs: number): void {
  const verdict = verdictOn(claim, found, clockMs);
  if (!verdict.free) throw new LockHeld(claim.dir, found.holder, verdict.certain);
}

export function verdictOn({ me, mutex }: Claim, found: Found, clockMs: number): Verdict {
  // Left by ourselves and not removable at the time (a read-only disk). Without the mutex it may
  // as well be a second lock taken in this very process.
  if (mutex && found.holder !== null && isSame(found.holder, me)) {
    return { free: true, because: 'dead' };
  }
  return judge(found.holder, (clockMs - found.mtimeMs) / 1000, me, startTicks);
}

/**
 * Removes a dead holder's file. Between reading and removing it, another claimant may have put its
 * own there; so it is moved aside (only one can move it), looked at, and put back if it is not the
 * one that was judged dead.
 */
async function bury({ path, me }: Claim, dead: Found): Promise<void> {
  const grave = `${path}.${me.pid}-${me.start_ticks}.stale`;
  try {
    await rename(path, grave);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  try {
    if ((await readFile(grave, 'utf8')) !== dead.text) await link(grave, path);
  } catch (error) {
    // A third claimant came in between; the one we moved finds out at its next touch.
    if (codeOf(error) !== 'EEXIST') throw error;
  } finally {
    await unlinkIfThere(grave);
  }
}

/** Writes the same bytes in place: needs no new block on a full disk, and takes the volume's own time. */
export async function touch(path: string, me: Holder): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.write(textOf(me), 0);
  } finally {
    await file.close();
  }
}

export async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

const textOf = (me: Holder): string => `${JSON.stringify(me)}\n`;
