import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { absentIsNull } from './absent.js';
import { writeAtomic } from './atomic.js';
import type { BadVerdict, CheckpointRef, Found, Manifest } from './types.js';

interface RecordBase {
  v: 1;
  found: Found;
  /** Fingerprint for which the verdict holds. */
  digest: string;
}

/** What is remembered of one checkpoint; void as soon as its fingerprint differs. */
export type CheckpointRecord =
  | (RecordBase & { verdict: 'ok'; manifest: Manifest })
  | (RecordBase & { verdict: 'bad'; fault: BadVerdict; max_step: number | null });

/** A trouble that ended no work: the verdict stands in memory, or the checkpoint was passed over. */
export interface Problem {
  path: string;
  error: Error;
}

/**
 * The verdicts of one job: a map in memory, and a JSON file for each in `dir`. The files spare a
 * restarted daemon the reading of gigabytes, no more: one that is lost or unreadable costs a
 * verification.
 */
export interface Records {
  /** Reads what an earlier daemon left; only the first call does anything. */
  load(): Promise<void>;
  get(path: string): CheckpointRecord | undefined;
  all(): CheckpointRecord[];
  /** At once in memory; the file follows by itself (see `flush`). */
  set(record: CheckpointRecord): void;
  forget(path: string): void;
  /** Waits for the files, and hands over the problems since the last call. */
  flush(): Promise<Problem[]>;
}

export function createRecords(dir: string): Records {
  const byPath = new Map<string, CheckpointRecord>();
  let problems: Problem[] = [];
  let loading: Promise<void> | undefined;
  // One after the other: a record set and forgotten again must not come back.
  let writing: Promise<void> = Promise.resolve();
  const later = (path: string, work: () => Promise<unknown>) => {
    writing = writing.then(work).then(
      () => undefined,
      (error: Error) => void problems.push({ path, error }),
    );
  };

  const load = async () => {
    const names = (await absentIsNull(readdir(dir))) ?? [];
    for (const name of names.filter((n) => n.endsWith('.json'))) {
      const path = join(dir, name);
      try {
        const record = parseRecord(await readFile(path, 'utf8'));
        if (!byPath.has(record.found.path)) byPath.set(record.found.path, record);
      } catch (error) {
        problems.push({ path, error: error as Error });
      }
    }
  };

  return {
    load: () => (loading ??= load()),
    get: (path) => byPath.get(path),
    all: () => [...byPath.values()],
    set(record) {
      byPath.set(record.found.path, record);
      const path = join(dir, fileName(record.found));
      later(path, () => writeAtomic(path, `${JSON.stringify(record, null, 1)}\n`));
    },
    forget(checkpoint) {
      const record = byPath.get(checkpoint);
      if (record === undefined) return;
      byPath.delete(checkpoint);
      const path = join(dir, fileName(record.found));
      later(path, () => rm(path, { force: true }));
    },
    async flush() {
      await writing;
      const handed = problems;
      problems = [];
      return handed;
    },
  };
}

/** How a verified checkpoint is named to other rooms. */
export function refOf(record: CheckpointRecord & { verdict: 'ok' }): CheckpointRef {
  const { path, step, kind, mtime_ms } = record.found;
  const { bytes, verified_at, files } = record.manifest;
  const hashed = files.every((f) => f.sha256 !== null);
  return { path, step, kind, mtime_ms, bytes, verified_at, hashed };
}

/** The step for people who list the folder, the path's hash to keep two of the same step apart. */
function fileName({ path, step }: Found): string {
  const id = createHash('sha256').update(path).digest('hex').slice(0, 12);
  return `${String(step).padStart(9, '0')}-${id}.json`;
}

function parseRecord(text: string): CheckpointRecord {
  const record = JSON.parse(text) as Partial<CheckpointRecord> | null;
  const whole =
    record?.v === 1 &&
    typeof record.digest === 'string' &&
    typeof record.found?.path === 'string' &&
    Number.isSafeInteger(record.found.step) &&
    (record.verdict === 'ok'
      ? Array.isArray(record.manifest?.files)
      : record.verdict === 'bad' && typeof record.fault?.reason === 'string');
  if (whole) return record as CheckpointRecord;
  throw new Error(
    'expected a checkpoint record (v 1); it is passed over, the checkpoint is verified again',
  );
}
