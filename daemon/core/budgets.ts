import type { Phase } from './phases.js';
import { knownPhase } from './phases.js';
import type { HangPolicy } from './policy.js';
import { quantile, type Sketch } from './sketch.js';
import type { PhaseClock } from './watch.js';

/** A suspicion is raised at this part of the budget: early enough that the outside evidence has been
 * gathered when the budget is spent. */
const SUSPECT_AT = 0.6;

export interface PhaseBudget {
  /** Seconds without progress after which we begin to look closely. */
  readonly suspect: number;
  /** Seconds after which idleness, seen from outside, makes it a hang. */
  readonly confirm: number;
  /** Seconds after which it is a hang whatever is seen from outside. */
  readonly ceiling: number;
}

/** The budget of a phase: this job's own 99th percentile times the factor, clamped to
 * [floor, ceiling]; the configured default until there is a history. */
export function phaseBudget(
  phase: Phase,
  learned: Readonly<Partial<Record<Phase, Sketch>>>,
  policy: HangPolicy,
): PhaseBudget {
  const ceiling = policy.ceilings[phase];
  const sketch = learned[phase];
  const p99 =
    sketch !== undefined && sketch.n >= policy.min_samples ? quantile(sketch, 0.99) : null;
  const wanted = p99 === null ? policy.defaults[phase] : p99 * policy.factor;
  const confirm = Math.min(Math.max(wanted, policy.floor_seconds), ceiling);
  return { suspect: confirm * SUSPECT_AT, confirm, ceiling };
}

/**
 * Seconds a clock has stood, less what its inner phases may take. Each inner phase, by name, is
 * credited with at most its own allowance however often it is opened: a loop that only ever opens
 * fresh inner phases cannot hide behind them.
 */
export function silence(
  clock: PhaseClock,
  mono: number,
  allowance: (phase: Phase) => number,
): number {
  let credited = 0;
  for (const [name, seconds] of Object.entries(clock.inner)) {
    credited += Math.min(seconds, allowance(knownPhase(name)));
  }
  return Math.max(0, mono - clock.since - credited);
}
