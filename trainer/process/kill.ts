import { setTimeout as delay } from 'node:timers/promises';
import { census, type Member, members } from './lineage.js';
import { isAlive, keyOf, type ProcessRef, readStat, statOf } from './proc.js';

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
  /** What is sent in SIGTERM's place, for a trainer that saves on another signal. */
  readonly signal?: NodeJS.Signals;
}

export type Killed =
  | { readonly is: 'gone'; readonly escalated: boolean; readonly seconds: number }
  | {
      readonly is: 'survived';
      readonly survivors: readonly { pid: number; letter: string }[];
      readonly seconds: number;
    };

/** Some 10 ms together. */
const LOOKS_TO_ASK = 3;
/** After so many rounds of SIGKILL to processes one by one, whole process groups get it. */
const ROUNDS_ONE_BY_ONE = 3;
/** On a machine where processes end all the time no look is ever sure; so many in a row will do. */
const EMPTY_LOOKS = 20;

/**
 * Ends every process of an attempt and proves it: SIGCONT and SIGTERM to all of them, grace, SIGKILL
 * to what is left and to what it forked meanwhile, a bounded wait. Members are looked up anew each
 * round and each signal goes to a process that is still the one that was seen. The shepherd is left
 * to write down how its trainer ended.
 */
export async function kill(target: Target, how: Grace): Promise<Killed> {
  const began = performance.now();
  const seconds = (): number => (performance.now() - began) / 1000;
  let left = await untilNone(target, how.grace_seconds, asker(how.signal ?? 'SIGTERM'));
  const escalated = left.length > 0;
  if (escalated) left = await untilNone(target, how.verify_seconds, killer(target));
  if (left.length > 0) {
    const survivors = left.map(({ stat }) => ({ pid: stat.pid, letter: stat.letter }));
    return { is: 'survived', survivors, seconds: seconds() };
  }
  await endShepherd(target.shepherd);
  return { is: 'gone', escalated, seconds: seconds() };
}

/** Wakes a stopped attempt: SIGCONT to each of its processes, and to a shepherd that was stopped
 * with its group. */
export function wake(target: Target): void {
  for (const member of members(target.lineage, target.shepherd, target.since))
    send(member.ref, 'SIGCONT');
  if (target.shepherd !== null) send(target.shepherd, 'SIGCONT');
}

/** Does `each` to the members until there are none or the limit (seconds) has passed; those left. */
async function untilNone(
  target: Target,
  limit: number,
  each: (left: readonly Member[]) => void,
): Promise<readonly Member[]> {
  const deadline = performance.now() + limit * 1000;
  let empty = 0;
  for (let pause = 2; ; pause = Math.min(100, pause * 2)) {
    const { found, sure } = census(target.lineage, target.shepherd, target.since);
    if (found.length > 0) {
      each(found);
      empty = 0;
      if (performance.now() > deadline) return found;
      await delay(pause);
    } else {
      empty += 1;
      if (sure || empty >= EMPTY_LOOKS) return [];
      await delay(1);
    }
  }
}

/**
 * Asks each process once, and only those of the first looks: what was forked while the first was
 * taken has not been asked yet, but what a trainer starts later it may start to save its work.
 */
function asker(name: NodeJS.Signals): (left: readonly Member[]) => void {
  const asked = new Set<string>();
  let looks = 0;
  return (left) => {
    looks += 1;
    if (looks > LOOKS_TO_ASK) return;
    const anew = left.filter(({ stat }) => !asked.has(keyOf(stat)));
    // Asked first, woken second: a stopped process acts on the SIGTERM as soon as it goes on.
    for (const { ref } of anew) send(ref, name);
    for (const { ref } of anew) send(ref, 'SIGCONT');
    for (const { stat } of anew) asked.add(keyOf(stat));
  };
}

function killer(target: Target): (left: readonly Member[]) => void {
  const sessions = new Set(target.shepherd === null ? [] : [target.shepherd.pid]);
  let round = 0;
  return (left) => {
    for (const member of left) sessions.add(member.stat.pid);
    for (const member of left) send(member.ref, 'SIGKILL');
    round += 1;
    if (round > ROUNDS_ONE_BY_ONE) killGroups(left, sessions);
  };
}

/**
 * A program that forks and exits all the time is never caught by its pid: each was gone when its
 * signal came. A signal to its process group reaches it, since the kernel holds off forks while it
 * sends one. Only groups of a session that one of ours leads, so that no stranger is among them.
 */
function killGroups(left: readonly Member[], sessions: ReadonlySet<number>): void {
  const own = readStat(process.pid)?.pgrp;
  const groups = new Set(
    left.filter(({ stat }) => sessions.has(stat.session)).map(({ stat }) => stat.pgrp),
  );
  for (const group of groups) if (group > 1 && group !== own) signal(-group, 'SIGKILL');
}

/** What writing one line may take where the volume is busy, in ms. */
const STATUS_WITHIN_MS = 10_000;

/** With its trainer gone the shepherd ends by itself; one that was stopped does not. Killed before it has
 * written the status, it would leave nobody who knows how its trainer ended. */
async function endShepherd(shepherd: ProcessRef | null): Promise<void> {
  if (shepherd === null) return;
  // Usually it is about to: it has just written the status that told of the trainer's end.
  for (
    let waited = 0, pause = 1;
    waited < STATUS_WITHIN_MS;
    waited += pause, pause = Math.min(10, pause * 2)
  ) {
    if (!isAlive(shepherd)) return;
    send(shepherd, 'SIGCONT');
    await delay(pause);
  }
  send(shepherd, 'SIGKILL');
}

/** Signals exactly this process; nothing happens when it is gone. */
export function send(ref: ProcessRef, name: NodeJS.Signals | number): void {
  if (statOf(ref) !== null) signal(ref.pid, name);
}

function signal(pid: number, name: NodeJS.Signals | number): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // ESRCH: it ended between the look and the signal, which is what we want of it.
    // EPERM: it became another user's (sudo). The others still have to be ended; it is a survivor.
    if (code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
