import { readdirSync, readFileSync } from 'node:fs';

/** One line of /proc/<pid>/stat (proc(5)), as far as we use it. */
export interface Stat {
  readonly pid: number;
  readonly letter: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** Clock ticks of 10 ms (USER_HZ, 100 on every Linux we know), its waited-for children included. */
  readonly cpu_ticks: number;
  readonly start_ticks: number;
}

/** A running process, told apart from any other that ever had its pid. */
export interface ProcessRef {
  readonly pid: number;
  readonly start_ticks: number;
  readonly boot_id: string;
}

/** Parses a stat line; null unless it is whole. Field 2 is the program's name in parentheses and may
 * itself hold spaces and parentheses, so fields are counted from the last one. */
export function parseStat(line: string): Stat | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < 0) return null;
  const pid = Number(line.slice(0, open));
  const rest = line.slice(close + 2).split(' ');
  const n = (field: number): number => Number(rest[field - 3]);
  const start_ticks = n(22);
  if (!Number.isInteger(pid) || !Number.isFinite(start_ticks)) return null;
  return {
    pid,
    letter: rest[0] ?? '?',
    ppid: n(4),
    pgrp: n(5),
    session: n(6),
    cpu_ticks: n(14) + n(15) + n(16) + n(17),
    start_ticks,
  };
}

/** Null when there is no such process (any more). */
export function readStat(pid: number): Stat | null {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    // ENOENT and ESRCH alike: it ended, before or while we read.
    return null;
  }
}

let boot: string | null = null;

/** Changes with every boot of the machine (random(4)). */
export function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}

/** Alive: the same process, and not a zombie that merely waits to be reaped. */
export function isAlive(ref: ProcessRef): boolean {
  const stat = statOf(ref);
  return stat !== null && stat.letter !== 'Z' && stat.letter !== 'X';
}

/** The stat line of exactly this process; null when it is gone or its pid is another's now. */
export function statOf(ref: ProcessRef): Stat | null {
  if (ref.boot_id !== bootId()) return null;
  const stat = readStat(ref.pid);
  return stat !== null && stat.start_ticks === ref.start_ticks ? stat : null;
}

export function refOf(stat: Stat): ProcessRef {
  return { pid: stat.pid, start_ticks: stat.start_ticks, boot_id: bootId() };
}

/** Every process there is, zombies left out. About 20 µs each. */
export function allProcesses(): Stat[] {
  const found: Stat[] = [];
  for (const name of readdirSync('/proc')) {
    const first = name.charCodeAt(0);
    if (first < 48 || first > 57) continue;
    const stat = readStat(Number(name));
    if (stat !== null && stat.letter !== 'Z' && stat.letter !== 'X') found.push(stat);
  }
  return found;
}
