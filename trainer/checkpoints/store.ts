import { lstat } from 'node:fs/promises';
import { absentIsNull, orAborted } from './absent.js';
import { findCheckpoints, newestFirst } from './find.js';
import { fingerprintIfThere } from './fingerprint.js';
import { createLooks } from './looks.js';
import { type Quarantined, type QuarantineOptions, quarantine } from './quarantine.js';
import type { OpenFile } from './reader.js';
import { createRecords, type Problem, refOf } from './records.js';
import type { BadCheckpoint, BadVerdict, CheckpointRef, CheckpointSpec, Found } from './types.js';
import { verifySince } from './verify.js';

export interface CheckpointStoreOptions extends Omit<QuarantineOptions, 'now'> {
  /** Where the verdicts of this job are kept: `state/jobs/<job>/checkpoints`. */
  dir: string;
  /** Unix milliseconds. */
  now: () => number;
  /** A checkpoint is looked at when it stayed the same this long; milliseconds, default 1000. */
  settle_ms?: number;
  /**
   * A checkpoint is called bad, while the trainer lives, when it stayed the same this long;
   * milliseconds, default 30,000. A save that stalls between two files on a network volume looks
   * torn, and moving it away would kill the trainer that writes it.
   */
  bad_settle_ms?: number;
  /** Opens files for reading; replaced in tests. */
  open?: OpenFile;
}

export interface LookOptions {
  /** Highest plausible step. */
  maxStep?: number;
  /** Ends the wait, also one for a stalled volume. */
  signal?: AbortSignal;
  /** Nobody writes any more: nothing needs to settle. */
  trainerDead?: boolean;
}

export interface ScanOptions extends LookOptions {
  /** Default true; false verifies the structure alone. */
  hash?: boolean;
}

export interface ScanResult {
  /** Newly found good. */
  verified: CheckpointRef[];
  /** Newly found bad. */
  bad: BadCheckpoint[];
  /** Checkpoints that could not be read, records that could not be kept. */
  problems: Problem[];
}

export interface ChooseOptions extends LookOptions {
  spec: CheckpointSpec;
  cwd: string;
  /** Only checkpoints below this step (those before a NaN's onset). */
  olderThanStep?: number;
}

/** The memory of one job's checkpoints. */
export interface CheckpointStore {
  /** Verifies what is new and has settled. Scans run one after the other. */
  scan(spec: CheckpointSpec, cwd: string, options?: ScanOptions): Promise<ScanResult>;
  /** The newest verified checkpoint that is still what it was when verified; a few stat calls. */
  best(options?: { olderThanStep?: number; signal?: AbortSignal }): Promise<CheckpointRef | null>;
  /**
   * The checkpoint to resume from. With `trainerDead`, those newer than the newest verified are
   * verified on the spot (structure only; the next scan hashes) and the bad ones reported.
   * Does not wait for a scan under way.
   */
  chooseNewest(options: ChooseOptions): Promise<ScanResult & { choice: CheckpointRef | null }>;
  /** Whether it was verified and is still what it was then. */
  isVerified(found: Found): Promise<boolean>;
  /** Moves a bad checkpoint out of the trainer's sight; null when it is already gone. */
  quarantine(found: Found, reason: string): Promise<Quarantined | null>;
  /** Waits until every verdict is on disk; returns what went wrong on the way. */
  flush(): Promise<Problem[]>;
}

type Decision = 'ok' | 'bad' | 'open';

export function createCheckpointStore(options: CheckpointStoreOptions): CheckpointStore {
  const { now, settle_ms = 1000, bad_settle_ms = 30_000, open } = options;
  const records = createRecords(options.dir);
  const looks = createLooks<BadVerdict>(now);
  let scanning: Promise<unknown> = Promise.resolve();

  /** Brings the memory up to date about one checkpoint; what is newly known goes into `result`. */
  async function decide(found: Found, look: ScanOptions, result: ScanResult): Promise<Decision> {
    const print = await fingerprintIfThere(found.path);
    if (print === null) return 'open';
    const { digest } = print;
    const known = records.get(found.path);
    const current = known?.digest === digest ? known : undefined;
    const maxStep = look.maxStep ?? null;
    if (current?.verdict === 'ok' && (look.hash === false || refOf(current).hashed)) return 'ok';
    if (current?.verdict === 'bad') {
      const moved = current.fault.kind === 'implausible' && current.max_step !== maxStep;
      if (!moved) return 'bad';
    }
    const age = looks.age(found.path, digest);
    const dead = look.trainerDead === true;
    if (current === undefined && !dead && age < settle_ms) return 'open';
    const verdict =
      looks.verdict(found.path) ??
      (await verifySince(found, print, {
        ...(look.maxStep === undefined ? {} : { maxStep: look.maxStep }),
        ...(look.signal ? { signal: look.signal } : {}),
        ...(open ? { open } : {}),
        hash: look.hash !== false,
        now,
      }));
    if (!verdict.ok && verdict.kind === 'unstable') return 'open';
    // Gone while we looked: a trainer removes its old ones.
    if (!verdict.ok && (await absentIsNull(lstat(found.path))) === null) return 'open';
    // Another call may have decided the same meanwhile, and reported it.
    const late = records.get(found.path);
    const reported = late !== undefined && late.digest === digest && late.verdict;
    if (verdict.ok) {
      const record = { v: 1, verdict: 'ok', found, digest, manifest: verdict.manifest } as const;
      if (reported !== 'ok' || look.hash !== false) records.set(record);
      if (reported !== 'ok') result.verified.push(refOf(record));
      return 'ok';
    }
    if (!dead && age < bad_settle_ms && verdict.kind !== 'implausible') {
      looks.keep(found.path, verdict);
      return 'open';
    }
    records.set({ v: 1, verdict: 'bad', found, digest, fault: verdict, max_step: maxStep });
    if (reported !== 'bad') result.bad.push({ found, verdict });
    return 'bad';
  }

  /** As `decide`; a checkpoint that cannot be read (EIO, EACCES) must not hide the others. */
  async function tryDecide(found: Found, look: ScanOptions, result: ScanResult): Promise<Decision> {
    try {
      return await decide(found, look, result);
    } catch (error) {
      look.signal?.throwIfAborted();
      result.problems.push({ path: found.path, error: error as Error });
      return 'open';
    }
  }

  async function scanOnce(spec: CheckpointSpec, cwd: string, look: ScanOptions) {
    look.signal?.throwIfAborted();
    const result: ScanResult = { verified: [], bad: [], problems: [] };
    await records.load();
    const all = await findCheckpoints(spec, cwd);
    for (const found of all) await tryDecide(found, look, result);
    looks.retain(new Set(all.map((f) => f.path)));
    for (const { found } of records.all()) {
      if ((await absentIsNull(lstat(found.path))) === null) records.forget(found.path);
    }
    result.problems.push(...(await records.flush()));
    return result;
  }

  async function choose(options: ChooseOptions) {
    const { spec, cwd, olderThanStep, ...look } = options;
    const result: ScanResult = { verified: [], bad: [], problems: [] };
    if (look.trainerDead !== true) return { ...result, choice: await pickBest(olderThanStep) };
    await records.load();
    for (const found of await findCheckpoints(spec, cwd)) {
      if (found.step >= (olderThanStep ?? Number.POSITIVE_INFINITY)) continue;
      if ((await tryDecide(found, { ...look, hash: false }, result)) !== 'ok') continue;
      const record = records.get(found.path);
      if (record?.verdict === 'ok') return { ...result, choice: refOf(record) };
    }
    return { ...result, choice: null };
  }

  async function pickBest(olderThanStep = Number.POSITIVE_INFINITY) {
    await records.load();
    const good = records.all().filter((r) => r.verdict === 'ok');
    good.sort((a, b) => newestFirst(a.found, b.found));
    for (const record of good) {
      if (record.found.step >= olderThanStep) continue;
      const print = await fingerprintIfThere(record.found.path);
      if (print?.digest === record.digest) return refOf(record);
    }
    return null;
  }

  return {
    scan(spec, cwd, look = {}) {
      const mine = scanning.then(() => orAborted(scanOnce(spec, cwd, look), look.signal));
      scanning = mine.catch(() => undefined); // its own caller hears of it
      return mine;
    },
    best: ({ olderThanStep, signal } = {}) => orAborted(pickBest(olderThanStep), signal),
    chooseNewest: (o) => orAborted(choose(o), o.signal),
    async isVerified(found) {
      await records.load();
      const record = records.get(found.path);
      if (record?.verdict !== 'ok') return false;
      return (await fingerprintIfThere(found.path))?.digest === record.digest;
    },
    async quarantine(found, reason) {
      const moved = await quarantine(found, reason, options);
      records.forget(found.path);
      return moved;
    },
    flush: () => records.flush(),
  };
}
