import type { Idle } from './idle.js';
import { noPace, type Pace } from './pace.js';
import type { Phase } from './phases.js';
import { knownPhase } from './phases.js';
import type { Bins } from './sketch.js';

/**
 * The clocks of one living attempt. Nothing here is journalled: monotonic readings mean nothing to
 * another process, so a restarted daemon arms them afresh.
 */
export interface Watch {
  readonly attempt: number;
  /** One clock for the loop as a whole, then one for each phase the trainer says is open. */
  readonly main: PhaseClock;
  readonly open: readonly PhaseClock[];
  /** True once a phase was left open while steps went on: it may be over whenever it is told of. */
  readonly dangles: boolean;
  /** True while the trainer names a phase itself; otherwise they are inferred. */
  readonly reports_phases: boolean;
  readonly last_step: number | null;
  readonly last_step_at: number;
  /** The time up to here is credited to the phase it was spent in; see {@link credit}. */
  readonly credited_at: number;
  readonly pending: Pending;
  readonly pace: Pace;
  /** What was seen from outside since the last step, null before the first look. */
  readonly idle: Idle | null;
  /** When the last look from outside was asked for. */
  readonly looked_at: number;
  readonly stopped_since: number | null;
  /** How often a stopped process was continued since the last step. */
  readonly continues: number;
  /** Steps still to come that tell little, since the daemon or the machine stood still: the first was
   * made nobody knows when, and what began after it may have gone on for long when it was told. */
  readonly unsure: 0 | 1 | 2;
  readonly suspicion: { readonly phase: string; readonly since: number } | null;
}

export interface PhaseClock {
  readonly name: string;
  readonly phase: Phase;
  /** Monotonic seconds: when the phase was entered; NaN when the daemon or the machine stood still
   * since, so that nobody knows how long it really took. */
  readonly entered: number;
  /** Monotonic seconds: when it was entered, or the last new step, which is progress for every phase
   * around it. */
  readonly since: number;
  /** New steps since it was entered. */
  readonly steps: number;
  /** Seconds since `since` in which an inner phase was the innermost open one, by that phase's name. */
  readonly inner: Readonly<Record<string, number>>;
}

/** What was seen but is not yet journalled. */
export interface Pending {
  readonly since: number;
  /** As last told since then, with the step or after it; null where nothing was said. */
  readonly total: number | null;
  readonly epoch: number | null;
  readonly loss: number | null;
  readonly steps: number;
  readonly useful: number;
  /** Seconds spent in steps proper, inner phases left out; NaN where nobody timed them. */
  readonly stepping: number;
  readonly bins: Bins;
}

export const nothingPending = (since: number): Pending => ({
  since,
  total: null,
  epoch: null,
  loss: null,
  steps: 0,
  useful: 0,
  stepping: 0,
  bins: {},
});

/** What the loop as a whole is at: before its first step, between two, after the last. */
export type Stage = 'startup' | 'step' | 'finish';

/** `at`: how far the attempt had come before this daemon took it up. */
export function armWatch(attempt: number, mono: number, step: number | null, at: Stage): Watch {
  return {
    attempt,
    main: clock(at, mono),
    open: [],
    dangles: false,
    reports_phases: false,
    last_step: step,
    last_step_at: mono,
    credited_at: mono,
    pending: nothingPending(mono),
    pace: noPace,
    idle: null,
    looked_at: Number.NEGATIVE_INFINITY,
    stopped_since: null,
    continues: 0,
    unsure: at === 'startup' ? 0 : 2,
    suspicion: null,
  };
}

export function clock(name: string, since: number): PhaseClock {
  return { name, phase: knownPhase(name), entered: since, since, steps: 0, inner: {} };
}

/** Starts every clock again at `mono`: after the daemon stood still nothing that it did not see may
 * be held against the trainer, nor learned from. */
export function rearm(watch: Watch, mono: number): Watch {
  const restart = (c: PhaseClock): PhaseClock => ({
    ...c,
    entered: Number.NaN,
    since: mono,
    inner: {},
  });
  return {
    ...watch,
    main: restart(watch.main),
    open: watch.open.map(restart),
    credited_at: mono,
    idle: null,
    stopped_since: null,
    unsure: 2,
    suspicion: null,
  };
}

/**
 * The phase whose budgets a clock is judged by. Steps are made in `step`: a phase that goes on over
 * several of them was left open by mistake, or is one around them, and its own budget means nothing.
 */
export function phaseOf(c: PhaseClock): Phase {
  return c.steps >= 2 ? 'step' : c.phase;
}

/** The phase that the time now passing is credited to: the innermost, unless it is that of steps. */
export function passing(watch: Watch): PhaseClock | undefined {
  const innermost = watch.open.at(-1);
  return innermost === undefined || phaseOf(innermost) === 'step' ? undefined : innermost;
}

/** Credits the seconds up to `mono` to the innermost open phase, on the clock of every phase around
 * it. Called before the set of open phases changes. */
export function credit(watch: Watch, mono: number): Watch {
  const innermost = passing(watch);
  const seconds = mono - watch.credited_at;
  if (innermost === undefined || seconds <= 0) return { ...watch, credited_at: mono };
  const add = (c: PhaseClock): PhaseClock => ({
    ...c,
    inner: { ...c.inner, [innermost.name]: (c.inner[innermost.name] ?? 0) + seconds },
  });
  return {
    ...watch,
    main: add(watch.main),
    open: watch.open.map((c) => (c === innermost ? c : add(c))),
    credited_at: mono,
  };
}

/** Seconds of the main clock that were spent in inner phases, up to `mono`. */
export function innerSeconds(watch: Watch, mono: number): number {
  let sum = passing(watch) === undefined ? 0 : mono - watch.credited_at;
  for (const name in watch.main.inner) sum += watch.main.inner[name] ?? 0;
  return sum;
}
