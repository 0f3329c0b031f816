import { readdirSync, readFileSync } from 'node:fs';
import type { Target } from './kill.js';
import { type Member, members } from './lineage.js';
import { type ProcessRef, parseStat, readProc, statOf } from './proc.js';

export interface Usage {
  /** CPU seconds of all living processes of the attempt, their waited-for children included. */
  readonly cpu_seconds: number;
  /** Bytes through read and write calls, page cache included (proc(5), io: rchar + wchar). */
  readonly io_bytes: number;
}

const TICKS_PER_SECOND = 100;

/** What the processes of an attempt have used so far. Falls when one of them ends. */
export function usage(target: Target): Usage {
  let ticks = 0;
  let io_bytes = 0;
  for (const { stat } of members(target.lineage, target.shepherd, target.since)) {
    ticks += stat.cpu_ticks;
    io_bytes += ioBytes(stat.pid);
  }
  return { cpu_seconds: ticks / TICKS_PER_SECOND, io_bytes };
}

export interface Look extends Usage {
  /** A process or a thread of the attempt waits for storage. */
  readonly storage_wait: boolean;
}

/** What the processes of an attempt have used so far, and whether they wait for storage just now. */
export function lookAt(target: Target): Look {
  const found = members(target.lineage, target.shepherd, target.since);
  let ticks = 0;
  let io_bytes = 0;
  for (const { stat } of found) {
    ticks += stat.cpu_ticks;
    io_bytes += ioBytes(stat.pid);
  }
  const storage_wait = found.some(({ stat }) => stat.letter === 'D') || threadWaits(found);
  return { cpu_seconds: ticks / TICKS_PER_SECOND, io_bytes, storage_wait };
}

/** Whether any process of the attempt is stopped by a signal: a wrapper's child may be, while the
 * wrapper itself sleeps as ever. */
export function anyStopped(target: Target): boolean {
  return members(target.lineage, target.shepherd, target.since).some(
    ({ stat }) => stat.letter === 'T',
  );
}

/** Threads looked into at most: a look must not take longer than what it is to find out. */
const THREADS = 256;
/**
 * Kernel functions in which a thread sleeps while a file system answers (proc(5), wchan). Most such
 * waits are in state D; those of FUSE, 9p and SMB can be interrupted and look like any other sleep.
 */
const IN_FILE_SYSTEM =
  /^(request_wait_answer|fuse_|p9_client_|wait_for_response|cifs_|smb2_|nfs|rpc_wait|ceph_|io_schedule|folio_wait|wait_on_page)/;

/** A process is shown by its main thread; the one that reads the data set is often another. */
function threadWaits(found: readonly Member[]): boolean {
  let looked = 0;
  for (const { stat } of found) {
    for (const thread of threadsOf(stat.pid)) {
      looked += 1;
      if (looked > THREADS) return false;
      const at = `/proc/${stat.pid}/task/${thread}`;
      const line = readProc(`${at}/stat`);
      if (line !== null && parseStat(line)?.letter === 'D') return true;
      if (IN_FILE_SYSTEM.test(readProc(`${at}/wchan`) ?? '')) return true;
    }
  }
  return false;
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    // Gone since it was seen.
    return [];
  }
}

/** The state letter of the trainer itself (R, S, D, T, t, Z), null when it is gone. */
export function stateLetter(trainer: ProcessRef): string | null {
  return statOf(trainer)?.letter ?? null;
}

function ioBytes(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/io`, 'latin1');
    let sum = 0;
    for (const [, value] of text.matchAll(/^(?:rchar|wchar): (\d+)$/gm)) sum += Number(value);
    return sum;
  } catch {
    // Gone, or the container does not show it: no evidence is not evidence of idleness elsewhere.
    return 0;
  }
}
