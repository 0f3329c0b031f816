import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { allProcesses, type ProcessRef, refOf, type Stat } from './proc.js';

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
 * Every living process of a job: those that carry its mark, those in the session of its shepherd,
 * and the descendants of both (a program may clear its environment). The shepherd itself is left
 * out. `since` (ticks): nothing that started earlier can belong, so its environment is not read.
 */
export function members(lineage: string, shepherd: ProcessRef | null, since: number): Member[] {
  const mark = `${LINEAGE_VARIABLE}=${lineage}/`;
  const all = allProcesses().filter(
    (stat) => stat.start_ticks >= since && stat.pid !== process.pid,
  );
  const belongs = new Set<number>();
  for (const stat of all) {
    const inSession = shepherd !== null && stat.session === shepherd.pid;
    if (inSession || environHas(stat.pid, mark)) belongs.add(stat.pid);
  }
  let grew = true;
  while (grew) {
    grew = false;
    for (const stat of all) {
      if (belongs.has(stat.ppid) && !belongs.has(stat.pid)) {
        belongs.add(stat.pid);
        grew = true;
      }
    }
  }
  return all
    .filter((stat) => belongs.has(stat.pid) && !isShepherd(stat, shepherd))
    .map((stat) => ({ ref: refOf(stat), stat }));
}

function isShepherd(stat: Stat, shepherd: ProcessRef | null): boolean {
  return (
    shepherd !== null && stat.pid === shepherd.pid && stat.start_ticks === shepherd.start_ticks
  );
}

function environHas(pid: number, mark: string): boolean {
  try {
    const environ = readFileSync(`/proc/${pid}/environ`, 'latin1');
    return environ.startsWith(mark) || environ.includes(`\0${mark}`);
  } catch {
    // Gone, or another user's, which no child of ours can be.
    return false;
  }
}
