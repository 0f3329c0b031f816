import { phaseBudget, silence } from './budgets.js';
import type { Phase } from './phases.js';
import type { HangPolicy } from './policy.js';
import type { Sketch } from './sketch.js';
import type { Watch } from './watch.js';

export type Verdict =
  | { readonly is: 'fine' }
  | {
      readonly is: 'suspect';
      readonly phase: string;
      readonly silent: number;
      readonly budget: number;
    }
  | {
      readonly is: 'hang';
      readonly phase: string;
      readonly silent: number;
      readonly budget: number;
      readonly why: string;
    };

/** I/O below this rate (bytes a second) is a heartbeat thread's or a log flush's, not a save's. */
const IDLE_IO = 64 * 1024;
/** A GPU below this ratio is idle (DLRover calls a tensor core idle at 0.001 over 10 minutes; the
 * utilisation nvidia-smi shows is coarser). */
const IDLE_GPU = 0.05;

/**
 * Judges every open phase, the outermost first, and returns the gravest verdict: an expired outer
 * phase is never masked by a fresh inner one (NVRx's `_is_section_timeout_elapsed` does that).
 * `watch` must have been credited up to `mono`.
 */
export function judge(
  watch: Watch,
  learned: Readonly<Partial<Record<Phase, Sketch>>>,
  policy: HangPolicy,
  mono: number,
): Verdict {
  let gravest: Verdict = { is: 'fine' };
  const idle = idleFor(watch, policy, mono);
  for (const clock of [watch.main, ...watch.open]) {
    const budget = phaseBudget(clock.phase, learned, policy);
    const byBudget = silence(clock, mono, (inner) => phaseBudget(inner, learned, policy).confirm);
    const byCeiling = silence(clock, mono, (inner) => policy.ceilings[inner]);
    const seen = { phase: clock.name, silent: mono - clock.since, budget: budget.confirm };
    if (byCeiling >= budget.ceiling)
      return { is: 'hang', ...seen, why: 'no progress up to the ceiling of the phase' };
    if (byBudget >= budget.confirm && idle >= policy.confirm_seconds) {
      return {
        is: 'hang',
        ...seen,
        why: `no progress, and idle as seen from outside for ${idle.toFixed(1)} s`,
      };
    }
    if (byBudget >= budget.suspect && gravest.is === 'fine') gravest = { is: 'suspect', ...seen };
  }
  return gravest;
}

/** For how many seconds, up to the newest sample, the process group did nothing anyone could see:
 * hardly any CPU, no I/O to speak of, no output, no GPU. 0 when there is nothing to go by. */
export function idleFor(watch: Watch, policy: HangPolicy, mono: number): number {
  const newest = watch.outside.at(-1);
  if (newest === undefined || mono - newest.at > Math.max(2, policy.confirm_seconds)) return 0;
  if (newest.gpu_ratio !== null && newest.gpu_ratio > IDLE_GPU) return 0;
  let idle = 0;
  for (let i = watch.outside.length - 2; i >= 0; i -= 1) {
    const older = watch.outside[i];
    const newer = watch.outside[i + 1];
    if (older === undefined || newer === undefined) break;
    const seconds = newer.at - older.at;
    if (seconds <= 0) continue;
    if (newer.cpu_seconds - older.cpu_seconds > policy.idle_cpu * seconds + TICK) break;
    if (newer.io_bytes - older.io_bytes > IDLE_IO * seconds) break;
    if (newer.log_bytes > older.log_bytes) break;
    if (older.gpu_ratio !== null && older.gpu_ratio > IDLE_GPU) break;
    idle = newest.at - older.at;
  }
  return idle;
}

/** /proc counts CPU in clock ticks of 10 ms: over a short interval one tick means nothing. */
const TICK = 0.02;
