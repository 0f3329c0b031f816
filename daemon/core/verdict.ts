import { type Grounds, type PhaseBudget, phaseBudget, reportsPauses } from './budgets.js';
import { type Idle, idleFor } from './idle.js';
import type { Phase } from './phases.js';
import { silence } from './silence.js';
import { type PhaseClock, passing, phaseOf, type Watch } from './watch.js';

export type Verdict =
  | { readonly is: 'fine'; readonly look: number | null }
  | {
      readonly is: 'suspect';
      readonly look: number | null;
      readonly phase: string;
      readonly silent: number;
      readonly budget: number;
    }
  | {
      readonly is: 'hang';
      readonly look: null;
      readonly phase: string;
      readonly silent: number;
      readonly budget: number;
      readonly why: string;
    };

/** A suspicion is raised at this part of the silence, and half of the idleness, that make a hang. */
export const SUSPECT_AT = 0.6;
const SUSPECT_IDLE = 0.5;
/** Looks from outside are this far apart: a part of the silence, or of that which makes a hang, but no more
 * than a part of the idleness that does, within these bounds (seconds). */
const LOOK_PART = 1 / 20;
const LOOK_EVERY = { least: 0.5, most: 5 };
const LOOK_PART_OF_IDLE = 1 / 12;
const LAST_LOOK = 1;
/** Work beyond a step's own time shows that the trainer is at something it did not report; a wait in
 * the middle of that may last so many times the work before it. */
const WAIT_PER_WORK = 3;
/** That work is more than a step's: this part of the silence that makes a hang, about the time of the
 * slowest steps, and half a usual one. */
const BEYOND_STEP = { of_silence: 0.5, of_usual: 0.5 };

/**
 * Judges every open phase, the outermost first, and returns the gravest verdict: an expired outer
 * phase is never masked by a fresh inner one (NVRx's `_is_section_timeout_elapsed` does that).
 * `look` is set when the process is to be looked at from outside: seconds between two looks.
 */
export function judge(watch: Watch, grounds: Grounds, mono: number): Verdict {
  let look: number | null = null;
  let suspect: Verdict | null = null;
  for (const clock of clocksOf(watch)) {
    const { budget, patience, ceiling, silent, standing } = clockOf(clock, watch, grounds, mono);
    const needed = neededIdle(clock, watch, budget, grounds);
    if (silent.seconds >= budget.look) {
      const every = lookEvery(silent.seconds, budget, needed, watch.idle);
      look = look === null ? every : Math.min(look, every);
    }
    const seen = { phase: clock.name, silent: mono - clock.since, budget: budget.silent };
    if (standing.seconds >= ceiling) {
      return { is: 'hang', look: null, ...seen, why: 'no progress up to the ceiling of the phase' };
    }
    const recent = 2 * lookEvery(silent.seconds, budget, needed, null) + 1;
    const idle = idleFor(watch.idle, mono, recent);
    if (silent.seconds >= budget.silent && idle >= needed) {
      const why = `no progress, and idle as seen from outside for ${idle.toFixed(1)} s`;
      return { is: 'hang', look: null, ...seen, why };
    }
    const soon = silent.seconds >= budget.silent * SUSPECT_AT;
    const waits = watch.idle?.last.storage_wait === true;
    if (
      silent.seconds >= patience ||
      (soon && (waits || idle >= Math.max(needed * SUSPECT_IDLE, 1)))
    ) {
      suspect ??= { is: 'suspect', look: null, ...seen };
    }
  }
  return suspect === null ? { is: 'fine', look } : { ...suspect, look };
}

export function clocksOf(watch: Watch): readonly PhaseClock[] {
  return watch.open.length === 0 ? [watch.main] : [watch.main, ...watch.open];
}

/** A clock's budget, its silence where inner phases have their usual time, and its silence where they
 * have all they may ever take. */
export function clockOf(clock: PhaseClock, watch: Watch, grounds: Grounds, mono: number) {
  const phase = phaseOf(clock);
  const most = (phase: Phase) => ceilingOf(phase, clock, watch, grounds);
  const own = budgetOf(clock, watch, phase, grounds);
  return {
    budget: own,
    patience: hidesAll(phase, watch) ? longest(grounds.policy.defaults) : own.patience,
    ceiling: most(phase),
    silent: silence(clock, watch, mono, (phase) => phaseBudget(phase, grounds).allowance),
    standing: silence(clock, watch, mono, most),
  };
}

/** Seconds between two looks from outside. The one that may confirm a hang comes when it may, and a second
 * after another: over a longer time what a trainer does that has just gone on is too little to be seen. */
export function lookEvery(
  silent: number,
  budget: PhaseBudget,
  needed: number,
  idle: Idle | null,
): number {
  const part = Math.max(silent, budget.silent) * LOOK_PART;
  const every = Math.min(LOOK_EVERY.most, part, needed * LOOK_PART_OF_IDLE);
  const left = idle === null ? 0 : needed - (idle.last.at - idle.since);
  if (left <= 0) return Math.max(LOOK_EVERY.least, every);
  return Math.max(LOOK_EVERY.least, Math.min(every, left > LAST_LOOK ? left - LAST_LOOK : left));
}

/** Seconds of idleness that make a hang of a clock's silence. Idleness is judged by what is going on
 * now: a wait that is usual within the inner phase says nothing against the outer one. */
export function neededIdle(
  clock: PhaseClock,
  watch: Watch,
  budget: PhaseBudget,
  grounds: Grounds,
): number {
  const within = passing(watch);
  const inner = within === undefined ? 0 : budgetOf(within, watch, within.phase, grounds).idle;
  return Math.max(budget.idle, inner, unreported(clock, watch, budget, grounds));
}

/** Whether a phase is still what the trainer is at cannot be told when one step was made in it (it was
 * left open by mistake, or the step was told late), when phases of this trainer are known to be left open,
 * or when nothing is known of this one: the more patient of its budget and a step's holds. */
function budgetOf(clock: PhaseClock, watch: Watch, phase: Phase, grounds: Grounds): PhaseBudget {
  const own = phaseBudget(phase, grounds);
  if (phase === 'step' || watch.main.name !== 'step') return own;
  if (clock.steps !== 1 && !watch.dangles && grounds.learned[phase] !== undefined) return own;
  const step = phaseBudget('step', grounds);
  return {
    ...own,
    silent: Math.max(own.silent, step.silent),
    idle: Math.max(own.idle, step.idle),
    patience: Math.max(own.patience, step.patience),
  };
}

/** A trainer that reports no phases may do anything before its first step. */
const BEFORE_STEPS: readonly Phase[] = ['startup', 'load', 'cache', 'first_step'];

function hidesAll(phase: Phase, watch: Watch): boolean {
  return phase === 'startup' && !watch.reports_phases;
}

function longest(of: Readonly<Record<Phase, number>>): number {
  return Math.max(...BEFORE_STEPS.map((before) => of[before]));
}

function ceilingOf(phase: Phase, clock: PhaseClock, watch: Watch, grounds: Grounds): number {
  const { ceilings } = grounds.policy;
  if (hidesAll(phase, watch)) return longest(ceilings);
  // Storage that was waited for may have held up what the history knows nothing of.
  const stalled = watch.idle !== null && watch.idle.storage_at > clock.since;
  return stalled ? ceilings[phase] : phaseBudget(phase, grounds).ceiling;
}

/** Idleness asked for, in seconds, where the trainer may be at something it does not report: it had
 * worked on for longer than a step takes before it went idle, or nobody watched it begin. */
function unreported(
  clock: PhaseClock,
  watch: Watch,
  budget: PhaseBudget,
  grounds: Grounds,
): number {
  if (watch.idle === null || phaseOf(clock) !== 'step') return 0;
  const { idle_seconds } = grounds.policy;
  // Between two waits for storage, a process looks idle.
  if (watch.idle.storage_at > clock.since) return idle_seconds;
  if (watch.reports_phases && !watch.dangles && reportsPauses(grounds)) return 0;
  if (watch.unsure > 0) return idle_seconds;
  const worked = watch.idle.since - clock.since;
  if (worked <= BEYOND_STEP.of_silence * budget.silent + BEYOND_STEP.of_usual * budget.usual)
    return 0;
  return Math.min(idle_seconds, worked * WAIT_PER_WORK);
}
