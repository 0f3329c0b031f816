import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { codeOf } from './fs.js';

/** What tells one process from every other, reboots and reused pids included. */
export interface ProcessIdentity {
  pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/<pid>/stat, proc(5). */
  start_ticks: number;
  /** /proc/sys/kernel/random/boot_id: changes with every boot. */
  boot_id: string;
  host: string;
  /** Version of the program, for people. */
  version?: string;
}

/** The process named in daemon.lock. */
export interface Holder extends ProcessIdentity {
  /** Unix seconds. */
  since: number;
}

/** This process, or the one with that pid; null if no such process lives. */
export function processIdentity(): ProcessIdentity;
export function processIdentity(pid: number): ProcessIdentity | null;
export function processIdentity(pid: number = process.pid): ProcessIdentity | null {
  const start_ticks = startTicks(pid);
  if (start_ticks === null) return null;
  const boot_id = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { pid, start_ticks, boot_id, host: hostname() };
}

/** Start time of a living process in ticks since boot; null if there is none. */
export function startTicks(pid: number): number | null {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ESRCH') return null;
    throw error;
  }
  return parseStartTicks(stat);
}

/** @returns null for a zombie: it is dead, and a parent that never reaps must not keep its lock. */
export function parseStartTicks(stat: string): number | null {
  // Field 2 is the command's name in parentheses and may itself hold blanks and parentheses.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .trim()
    .split(' ');
  const [state] = fields; // field 3
  if (state === 'Z' || state === 'X' || state === 'x') return null;
  const ticks = Number(fields[22 - 3]);
  return Number.isSafeInteger(ticks) ? ticks : null;
}

export const isSame = (a: ProcessIdentity, b: ProcessIdentity): boolean =>
  a.pid === b.pid &&
  a.start_ticks === b.start_ticks &&
  a.boot_id === b.boot_id &&
  a.host === b.host;
