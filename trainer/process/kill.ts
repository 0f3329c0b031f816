import { setTimeout as delay } from 'node:timers/promises';
import { type Member, members } from './lineage.js';
import { isAlive, type ProcessRef, statOf } from './proc.js';

export interface Target {
  readonly lineage: string;
  readonly shepherd: ProcessRef | null;
  /** Clock ticks: when the first process of the attempt can have started. */
  readonly since: number;
}

export interface Grace {
  /** Between SIGTERM and SIGKILL. */
  readonly grace_seconds: number;
  /** How long SIGKILL may take to be seen to. */
  readonly verify_seconds: number;
}

export type Killed =
  | { readonly is: 'gone'; readonly escalated: boolean; readonly seconds: number }
  | {
      readonly is: 'survived';
      readonly survivors: readonly { pid: number; letter: string }[];
      readonly seconds: number;
    };

/**
 * Ends every process of an attempt and proves it: SIGCONT and SIGTERM to all of them, grace, SIGKILL
 * to what is left and to what it forked meanwhile, a bounded wait. Members are looked up anew each
 * round and each signal goes to a process that is still the one that was seen.
 */
export async function kill(target: Target, how: Grace): Promise<Killed> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  const look = (): Member[] => members(target.lineage, target.shepherd, target.since);
  const asked = look();
  if (asked.length === 0) {
    await endShepherd(target.shepherd);
    return { is: 'gone', escalated: false, seconds: seconds() };
  }
  // Asked first, woken second: a stopped process acts on the SIGTERM as soon as it goes on.
  for (const member of asked) send(member.ref, 'SIGTERM');
  for (const member of asked) send(member.ref, 'SIGCONT');
  if (await gone(look, how.grace_seconds, () => {})) {
    await endShepherd(target.shepherd);
    return { is: 'gone', escalated: false, seconds: seconds() };
  }
  const dead = await gone(look, how.verify_seconds, (left) => {
    for (const member of left) send(member.ref, 'SIGKILL');
  });
  if (!dead) {
    const survivors = look().map(({ stat }) => ({ pid: stat.pid, letter: stat.letter }));
    if (survivors.length > 0) return { is: 'survived', survivors, seconds: seconds() };
  }
  await endShepherd(target.shepherd);
  return { is: 'gone', escalated: true, seconds: seconds() };
}

/** Wakes a stopped attempt: SIGCONT to each of its processes. */
export function wake(target: Target): void {
  for (const member of members(target.lineage, target.shepherd, target.since))
    send(member.ref, 'SIGCONT');
}

async function gone(
  look: () => Member[],
  limit: number,
  each: (left: Member[]) => void,
): Promise<boolean> {
  const deadline = performance.now() + limit * 1000;
  for (let pause = 2; ; pause = Math.min(100, pause * 2)) {
    const left = look();
    if (left.length === 0) return true;
    each(left);
    if (performance.now() > deadline) return false;
    await delay(pause);
  }
}

/** With its trainer gone the shepherd ends by itself; one that was stopped does not. */
async function endShepherd(shepherd: ProcessRef | null): Promise<void> {
  if (shepherd === null) return;
  for (let waited = 0; waited < 1000; waited += 10) {
    if (!isAlive(shepherd)) return;
    send(shepherd, 'SIGCONT');
    await delay(10);
  }
  send(shepherd, 'SIGKILL');
}

function send(ref: ProcessRef, signal: NodeJS.Signals): void {
  if (statOf(ref) === null) return;
  try {
    process.kill(ref.pid, signal);
  } catch (error) {
    // ESRCH: it ended between the look and the signal, which is what we want of it.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
