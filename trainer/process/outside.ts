import { readFileSync } from 'node:fs';
import type { Target } from './kill.js';
import { members } from './lineage.js';
import { type ProcessRef, statOf } from './proc.js';

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
