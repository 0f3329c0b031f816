import { readdirSync, readFileSync } from 'node:fs';
import { readStat } from '../../../trainer/process/index.js';
import { codeOf } from '../errors.js';
import { waitFor } from '../wait.js';

/** Inherited by the daemons of a demo, their shepherds and trainers, and by nothing else. Not of the
 * NIGHTWARDEN_ family, which the daemon reads as settings and keeps from its trainers. */
export const MARK = 'NW_DEMO_RUN';

/** The environment of everything a demo starts: none of the owner's settings, and the mark. */
export function markedEnv(env: NodeJS.ProcessEnv, mark: string): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !/^NIGHTWARDEN_/i.test(name));
  return { ...Object.fromEntries(kept), [MARK]: mark };
}

/** Pids of the living processes that carry the mark. */
export function marked(mark: string): number[] {
  const wanted = `${MARK}=${mark}`;
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => environOf(pid).split('\0').includes(wanted))
    .map(Number)
    .filter((pid) => readStat(pid)?.letter !== 'Z');
}

const GONE_WITHIN_MS = 10_000;

/**
 * Ends all that carries the mark, the daemons first: they would start the trainer again. Looks until
 * two looks running found nothing, since a process being started shows its environment late.
 * Gives the pids that would not end.
 */
export async function endMarked(mark: string, daemons: readonly number[]): Promise<number[]> {
  let clean = 0;
  let left: number[] = [];
  await waitFor(
    () => {
      left = marked(mark);
      const first = left.filter((pid) => daemons.includes(pid));
      for (const pid of first.length > 0 ? first : left) kill(pid);
      clean = left.length === 0 ? clean + 1 : 0;
      return clean >= 2 ? true : null;
    },
    GONE_WITHIN_MS,
    { everyMs: 30 },
  );
  return left;
}

/** The same in one go and without waiting, for the last moment of this process. */
export function killMarked(mark: string): void {
  for (const pid of marked(mark)) kill(pid);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error; // it ended by itself in between
  }
}

function environOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return ''; // Gone, or another user's, which none of ours can be.
  }
}
