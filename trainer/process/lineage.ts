import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  bootId,
  isEnding,
  keyOf,
  type ProcessRef,
  readProc,
  refOf,
  type Stat,
  snapshot,
} from './proc.js';

/** The mark in the environment of everything an attempt starts. Inherited over fork, setsid and
 * reparenting, it finds what process groups and parent pids lose. */
export const LINEAGE_VARIABLE = 'NIGHTWARDEN_ATTEMPT_ID';

/** The same for all attempts of a job of a home, and for no other job. */
export function lineageOf(home: string, job: string): string {
  return createHash('sha256').update(`${home}\0${job}`).digest('hex').slice(0, 20);
}

export interface Member {
  readonly ref: ProcessRef;
  readonly stat: Stat;
}

/**
 * Every living process of a job: those in the session of its shepherd, those that carry its mark,
 * the descendants of both (a program may clear its environment), and those that were any of this
 * when they were last seen (its parent may have died since). The shepherd itself is left out.
 * `since` (ticks): nothing that started earlier can belong, so its environment is not read.
 */
export function members(lineage: string, shepherd: ProcessRef | null, since: number): Member[] {
  return census(lineage, shepherd, since).found;
}

/** The same; none `found` proves that there is none where it is `sure`, see {@link Snapshot}. */
export function census(
  lineage: string,
  shepherd: ProcessRef | null,
  since: number,
): { found: Member[]; sure: boolean } {
  const { living, sure: listed } = snapshot(shepherd);
  const every = aside.size === 0 ? living : living.filter((stat) => !aside.has(keyOf(stat)));
  let sure = listed;
  const seen = sightings.get(lineage) ?? new Set<string>();
  const all = every.filter((stat) => stat.start_ticks >= since && stat.pid !== process.pid);
  const session = sessionOf(shepherd, every);
  const belongs = new Set<number>();
  for (const stat of all)
    if (stat.session === session || seen.has(keyOf(stat))) belongs.add(stat.pid);
  addDescendants(all, belongs);
  // Environments last, and only of the rest: reading one may block.
  const mark = `${LINEAGE_VARIABLE}=${lineage}/`;
  for (const stat of all) {
    if (belongs.has(stat.pid)) continue;
    const environ = environOf(stat);
    if (hasMark(environ, mark)) belongs.add(stat.pid);
    else if (environ === '' && stat.session !== 0 && isEnding(refOf(stat))) sure = false;
  }
  addDescendants(all, belongs);
  const found = all.filter((stat) => belongs.has(stat.pid) && !isShepherd(stat, shepherd));
  sightings.set(lineage, new Set(found.map(keyOf)));
  return { found: found.map((stat) => ({ ref: refOf(stat), stat })), sure };
}

/** Who was a member at the last look, by lineage: a process that left the session and cleared its
 * environment is known by its parent alone, and no more once that one is killed. */
const sightings = new Map<string, Set<string>>();

/** Null once the shepherd's pid is another's: that one's session is none of ours. A pid is not given
 * out again while a session of that number has members, so a dead shepherd's session stays its own. */
function sessionOf(shepherd: ProcessRef | null, every: readonly Stat[]): number | null {
  if (shepherd === null || shepherd.boot_id !== bootId()) return null;
  const holder = every.find((stat) => stat.pid === shepherd.pid);
  return holder === undefined || isShepherd(holder, shepherd) ? shepherd.pid : null;
}

const aside = new Set<string>();

/** A process of ours that bears the mark but runs nothing yet is no member until it is released. */
export function setAside(ref: ProcessRef): () => void {
  aside.add(keyOf(ref));
  return () => void aside.delete(keyOf(ref));
}

function addDescendants(all: readonly Stat[], belongs: Set<number>): void {
  for (let before = -1; before !== belongs.size; ) {
    before = belongs.size;
    for (const stat of all) if (belongs.has(stat.ppid)) belongs.add(stat.pid);
  }
}

function isShepherd(stat: Stat, shepherd: ProcessRef | null): boolean {
  return (
    shepherd !== null && stat.pid === shepherd.pid && stat.start_ticks === shepherd.start_ticks
  );
}

function hasMark(environ: string, mark: string): boolean {
  return environ.startsWith(mark) || environ.includes(`\0${mark}`);
}

/** Empty too where it cannot be read, above all because the process has ended since it was listed. */
function environOf(stat: Stat): string {
  // Threads of the kernel, and what was started from outside this container.
  if (stat.session === 0) return '';
  const path = `/proc/${stat.pid}/environ`;
  return (stat.letter === 'D' ? readBounded(path, keyOf(stat)) : readProc(path)) ?? '';
}

/** How long the environment of a process in D state may take, in ms. */
const ENVIRON_WITHIN_MS = 300;
const unreadable = new Set<string>();

/** The kernel reads an environment under the process's memory lock, which a process stuck in D state
 * may hold for ever, as users of ps know. So a program reads it that can be killed; once only. */
function readBounded(path: string, key: string): string | null {
  if (unreadable.has(key)) return null;
  try {
    return execFileSync('cat', [path], {
      timeout: ENVIRON_WITHIN_MS,
      killSignal: 'SIGKILL',
      encoding: 'latin1',
      stdio: ['ignore', 'pipe', 'ignore'],
      maxBuffer: 4 << 20,
    });
  } catch (error) {
    // It failed by itself: the process is gone or another's. Anything else is for the caller.
    if (typeof (error as { status?: unknown }).status === 'number') return null;
    if ((error as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw error;
    unreadable.add(key);
    return null;
  }
}
