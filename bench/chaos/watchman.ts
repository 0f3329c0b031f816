import { readdirSync, readFileSync } from 'node:fs';
import { readStat } from '../../trainer/process/index.js';
import { LINEAGE_VARIABLE } from '../../trainer/process/lineage.js';

/** How often the processes of this machine are looked at, in ms. */
const EVERY_MS = 20;
/** A process that carries no mark at so many looks is none of ours: it is past its exec. */
const LOOKS_TO_BE_SURE = 5;

interface Known {
  readonly start: number;
  looks: number;
  /** Lineage and attempt from its environment. */
  mark: string | null;
}

/**
 * Looks at every process of the machine all the time, for all runs at once, and knows by the mark in
 * the environment which attempt each belongs to. Two attempts of one job alive at the same instant
 * are what must never be. Shepherds do not count: they train nothing.
 */
export class Watchman {
  looks = 0;
  /** The longest time between two looks, ms. */
  longestGap = 0;
  private last = performance.now();
  private readonly known = new Map<number, Known>();
  private readonly told = new Map<string, (what: string) => void>();
  private readonly timer = setInterval(() => this.look(), EVERY_MS);

  /** `tell` is called for each pair of processes of two attempts that live at once. */
  watch(lineage: string, tell: (what: string) => void): () => void {
    this.told.set(lineage, tell);
    return () => this.told.delete(lineage);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private look(): void {
    const now = performance.now();
    this.longestGap = Math.max(this.longestGap, now - this.last);
    this.last = now;
    this.looks += 1;
    const living = new Map<string, { pid: number; attempt: string }[]>();
    const pids = new Set<number>();
    for (const name of readdirSync('/proc')) {
      const pid = Number(name);
      if (!Number.isInteger(pid) || pid === process.pid) continue;
      pids.add(pid);
      const mark = this.markOf(pid);
      if (mark === null) continue;
      const [lineage = '', attempt = ''] = mark.split('/');
      if (!this.told.has(lineage) || !isAlive(pid) || isShepherd(pid)) continue;
      living.set(lineage, [...(living.get(lineage) ?? []), { pid, attempt }]);
    }
    for (const pid of this.known.keys()) if (!pids.has(pid)) this.known.delete(pid);
    for (const [lineage, found] of living) this.compare(lineage, found);
  }

  private markOf(pid: number): string | null {
    const known = this.known.get(pid);
    if (known !== undefined && (known.mark !== null || known.looks >= LOOKS_TO_BE_SURE))
      return known.mark;
    const stat = readStat(pid);
    if (stat === null) return null;
    const mark = markIn(pid);
    this.known.set(pid, { start: stat.start_ticks, looks: (known?.looks ?? 0) + 1, mark });
    return mark;
  }

  private compare(lineage: string, found: readonly { pid: number; attempt: string }[]): void {
    if (new Set(found.map(({ attempt }) => attempt)).size < 2) return;
    // They were looked at one after the other. Who is still alive now was so when the last was seen.
    const still = found.filter(({ pid }) => isAlive(pid));
    const attempts = new Set(still.map(({ attempt }) => attempt));
    if (attempts.size < 2) return;
    const who = still.map(({ pid, attempt }) => `${pid} of attempt ${attempt} (${nameOf(pid)})`);
    this.told.get(lineage)?.(`processes of two attempts at once: ${who.join(', ')}`);
  }
}

/** Pids of living processes that have one of the words in their environment, command line or cwd. */
export function processesNaming(words: readonly string[]): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => Number.isInteger(pid) && pid !== process.pid && isAlive(pid))
    .filter((pid) => {
      const text = `${read(pid, 'environ')}\0${read(pid, 'cmdline')}`;
      return words.some((word) => text.includes(word));
    })
    .map((pid) => ({ pid, command: nameOf(pid) }));
}

function isAlive(pid: number): boolean {
  const letter = readStat(pid)?.letter;
  return letter !== undefined && letter !== 'Z' && letter !== 'X';
}

const isShepherd = (pid: number): boolean => read(pid, 'cmdline').includes('/shepherd.sh');

const nameOf = (pid: number): string =>
  read(pid, 'cmdline').replaceAll('\0', ' ').slice(0, 120).trim();

function markIn(pid: number): string | null {
  const start = `${LINEAGE_VARIABLE}=`;
  const found = read(pid, 'environ')
    .split('\0')
    .find((variable) => variable.startsWith(start));
  return found?.slice(start.length) ?? null;
}

function read(pid: number, name: 'environ' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'latin1');
  } catch {
    return ''; // It has ended, or is none of ours.
  }
}
