import { setTimeout as delay } from 'node:timers/promises';
import { type Exit, kill, type ProcessRef } from '../../../trainer/process/index.js';
import { lookAtArtefact } from './artefact.js';
import { chooseCheckpoint, isTotalKnown } from './checkpoints.js';
import type { Surroundings } from './context.js';
import { gpuTrouble } from './gpu-trouble.js';
import type { Live } from './live.js';
import { oomKills } from './oom.js';
import { readRemains } from './remains.js';
import { unkillable } from './unkillable.js';

/** Leftovers of a trainer that is dead already get this long to end by themselves (seconds). */
const LEFTOVER_GRACE = 2;

/** A scheduler signals trainer and daemon one after the other; the daemon hears of it within this time, in
 * ms. */
const TOLD_WITHIN_MS = 2000;

export interface Ended {
  readonly attempt: number;
  readonly exit: Exit | null;
  readonly rebooted: boolean;
  /** The one that watched it; null where nobody did. */
  readonly live: Live | null;
  readonly shepherd: ProcessRef | null;
  /** The kernel's count of out-of-memory kills when it began; null where that is not known. */
  readonly oom_kills: number | null;
  /** Aborted when the daemon is told to go. */
  readonly told: AbortSignal;
}

/** The trainer is gone: what it left behind is ended, read and told to the core, which judges. */
export async function endOf(at: Surroundings, ended: Ended): Promise<void> {
  const { name: job, plan } = at;
  const { attempt, exit, rebooted, live, shepherd } = ended;
  const target = live?.target ?? { lineage: at.lineage, shepherd, since: 0 };
  const cleared = await kill(target, {
    grace_seconds: LEFTOVER_GRACE,
    verify_seconds: at.settings.verify_seconds,
  });
  if (cleared.is === 'survived') return unkillable(at, attempt, cleared.survivors);
  const whole = exit?.code === 0;
  const output = live === null ? readRemains(at, attempt, whole) : live.drain(whole);
  // The total, which may stand in what is still unread, bounds the steps a checkpoint can have.
  if (!isTotalKnown(at)) await output;
  const [tail, artefact, from] = await Promise.all([
    output,
    lookAtArtefact(plan.done.artefact, plan.done.since),
    chooseCheckpoint(at),
  ]);
  void live?.close();
  const now = oomKills();
  const oom_killed = !rebooted && now !== null && ended.oom_kills !== null && now > ended.oom_kills;
  const gpu_lost = whole ? null : await gpuTrouble(at, attempt, tail, shepherd ?? live?.trainer);
  if (wasToldToGo(at, exit, tail))
    await delay(TOLD_WITHIN_MS, undefined, { signal: ended.told }).catch(() => undefined);
  await at.observe({
    is: 'exited',
    job,
    attempt,
    ending: { exit, tail, artefact, rebooted, oom_killed, gpu_lost },
    from,
    artefact_path: plan.done.artefact,
  });
}

/** As a scheduler's job: whether it may have ended by the signal that the daemon is about to hear. */
function wasToldToGo(at: Surroundings, exit: Exit | null, tail: readonly string[]): boolean {
  if (at.tether.length === 0 || exit === null || exit.code === 0) return false;
  // It was us.
  if (at.job()?.run.at === 'ending') return false;
  return exit.signal === 'SIGTERM' || tail.some((line) => TOLD.test(line));
}

/** torchrun's words, and those of programs that were started by another. */
const TOLD = /got signal: 15|SIGTERM|Signals\.SIGTERM/;
