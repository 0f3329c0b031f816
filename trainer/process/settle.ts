import { setTimeout as delay } from 'node:timers/promises';
import { abandon, type Exit, isAbandoned, readExit, readRef } from './attempt-dir.js';
import { bootId, isAlive, type ProcessRef } from './proc.js';

/** What a returning daemon finds of an attempt that the journal left open. */
export type Found =
  | { readonly is: 'alive'; readonly shepherd: ProcessRef; readonly trainer: ProcessRef }
  | {
      readonly is: 'ended';
      readonly exit: Exit | null;
      readonly rebooted: boolean;
      readonly shepherd: ProcessRef | null;
    }
  | { readonly is: 'never_ran' };

/** A shepherd that has claimed the attempt records the trainer, or dies, within this time. */
const SETTLED_WITHIN_MS = 10_000;

/**
 * Settles who has the attempt in `dir`. `bootOfAttempt`: the boot id when it was begun, since start
 * times of another boot say nothing about the processes of this one.
 */
export async function settle(dir: string, bootOfAttempt: string | null): Promise<Found> {
  const rebooted = bootOfAttempt !== null && bootOfAttempt !== bootId();
  if (rebooted) return { is: 'ended', exit: readExit(dir), rebooted: true, shepherd: null };
  if (abandon(dir)) return { is: 'never_ran' };
  const deadline = performance.now() + SETTLED_WITHIN_MS;
  for (;;) {
    if (isAbandoned(dir)) return { is: 'never_ran' };
    const shepherd = readRef(dir, 'claim');
    const trainer = readRef(dir, 'trainer');
    const exit = readExit(dir);
    if (exit !== null) return { is: 'ended', exit, rebooted: false, shepherd };
    if (shepherd !== null && trainer !== null && isAlive(trainer))
      return { is: 'alive', shepherd, trainer };
    // Whoever made the claim may not have written its line yet: it must not be taken for dead.
    const undecided = shepherd === null || isAlive(shepherd);
    if (!undecided || performance.now() > deadline) {
      return { is: 'ended', exit: readExit(dir), rebooted: false, shepherd };
    }
    await delay(20);
  }
}
