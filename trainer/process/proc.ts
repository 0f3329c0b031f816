import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs';

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

/** Null when there is no such process (any more). Throws when it cannot be known, as with no file
 * descriptor left: a living trainer taken for dead would get a second one beside it. */
export function readStat(pid: number): Stat | null {
  const text = readProc(`/proc/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

let buffer = Buffer.alloc(16_384);

/** readFileSync takes three times as long for files that do not tell their size, and a look at every
 * process stands between a trainer's death and the next one's start. */
function readOnce(path: string): string {
  const fd = openSync(path, 'r');
  try {
    for (let length = 0; ; ) {
      const read = readSync(fd, buffer, length, buffer.length - length, length);
      length += read;
      // What is read here comes whole into a buffer large enough (stat, wchan and environ do).
      if (read === 0 || length < buffer.length) return buffer.toString('latin1', 0, length);
      buffer = Buffer.concat([buffer], buffer.length * 2);
    }
  } finally {
    closeSync(fd);
  }
}

/** A file of /proc; null when its process ended before or while we read, or is another user's. */
export function readProc(path: string): string | null {
  return tolerant(() => readOnce(path));
}

function tolerant(read: () => string): string | null {
  try {
    return read();
  } catch (error) {
    if (NOT_OURS.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** The last two: hidepid, or an environment of another user. */
const NOT_OURS = new Set(['ENOENT', 'ESRCH', 'EACCES', 'EPERM']);

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

/**
 * Dead, or on its way there: a process that ends gives up its memory, and with it its environment,
 * some time before it is a zombie (virtual size 0, field 23 of proc(5)'s stat). Threads of the kernel
 * look the same all their lives.
 */
export function isEnding(ref: ProcessRef): boolean {
  const line = readProc(`/proc/${ref.pid}/stat`);
  const stat = line === null ? null : parseStat(line);
  if (line === null || stat === null || stat.start_ticks !== ref.start_ticks) return true;
  const vsize = line.slice(line.lastIndexOf(')') + 2).split(' ')[23 - 3];
  return stat.letter === 'Z' || stat.letter === 'X' || vsize === '0';
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

export interface Snapshot {
  /** Every process there is, zombies left out. */
  readonly living: readonly Stat[];
  /**
   * False when one ended while the list was read. It may have forked just before: its child is not
   * in the list yet, so that a family of which somebody was alive at every instant is in no list at
   * all. Only a sure snapshot proves that nobody is there.
   */
  readonly sure: boolean;
}

let zombies: ReadonlySet<string> = new Set();

/** About 20 µs for each process. `shepherd` may end meanwhile: it starts a trainer and nothing else,
 * so its end hides nobody; and it ends just when its trainer's leftovers are looked for. */
export function snapshot(shepherd: ProcessRef | null = null): Snapshot {
  const living: Stat[] = [];
  const dead = new Set<string>();
  let sure = true;
  // The newest first: it is they that are gone again by the time their turn comes.
  for (const name of readdirSync('/proc').reverse()) {
    const first = name.charCodeAt(0);
    if (first < 48 || first > 57) continue;
    const stat = readStat(Number(name));
    if (stat === null) sure &&= Number(name) === shepherd?.pid;
    else if (stat.letter !== 'Z' && stat.letter !== 'X') living.push(stat);
    else dead.add(keyOf(stat));
  }
  // A zombie that was one at the last look cannot have forked since.
  const known = shepherd === null ? null : keyOf(shepherd);
  for (const key of dead) if (!zombies.has(key) && key !== known) sure = false;
  zombies = dead;
  return { living, sure };
}

export const keyOf = (stat: Pick<Stat, 'pid' | 'start_ticks'>): string =>
  `${stat.pid}:${stat.start_ticks}`;
