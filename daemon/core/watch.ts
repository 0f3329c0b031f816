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
  /** True once the trainer named phases itself; until then they are inferred. */
  readonly reports_phases: boolean;
  readonly last_step: number | null;
  readonly last_step_at: number;
  readonly last_beat_at: number;
  readonly pending: Pending;
  readonly outside: readonly Outside[];
  readonly stopped_since: number | null;
  readonly continues: number;
  /** Steps may have been made that nobody timed: until the next step, after a daemon's return. */
  readonly blind: boolean;
  readonly suspicion: { readonly phase: string; readonly since: number } | null;
}

export interface PhaseClock {
  readonly name: string;
  readonly phase: Phase;
  /** Monotonic seconds: when the phase was entered. */
  readonly entered: number;
  /** Monotonic seconds: when it was entered, or the last new step, which is progress for every phase
   * around it. */
  readonly since: number;
  /** Seconds since then in which an inner phase was the innermost open one, by that phase's name. */
  readonly inner: Readonly<Record<string, number>>;
}

/** Steps seen but not yet journalled. */
export interface Pending {
  readonly since: number;
  readonly steps: number;
  readonly useful: number;
  /** Seconds spent in steps proper, inner phases left out; NaN where nobody timed them. */
  readonly stepping: number;
  readonly bins: Bins;
}

/** What can be seen of the trainer without its help. Counters are cumulative over the attempt. */
export interface Outside {
  readonly at: number;
  readonly cpu_seconds: number;
  readonly io_bytes: number;
  readonly log_bytes: number;
  /** 0–1, or null where there is no GPU to ask. */
  readonly gpu_ratio: number | null;
}

const OUTSIDE_KEPT = 64;

/** `seen`: the attempt had made steps before this daemon took it up. */
export function armWatch(attempt: number, mono: number, step: number | null, seen: boolean): Watch {
  return {
    attempt,
    main: clock(seen ? 'step' : 'startup', mono),
    open: [],
    reports_phases: false,
    last_step: step,
    last_step_at: mono,
    last_beat_at: mono,
    pending: { since: mono, steps: 0, useful: 0, stepping: 0, bins: {} },
    outside: [],
    stopped_since: null,
    continues: 0,
    blind: seen,
    suspicion: null,
  };
}

export function clock(name: string, since: number): PhaseClock {
  return { name, phase: knownPhase(name), entered: since, since, inner: {} };
}

export function restart(c: PhaseClock, mono: number): PhaseClock {
  return { ...c, since: mono, inner: {} };
}

/** Starts every clock again at `mono`: after the daemon stood still nothing that it did not see may
 * be held against the trainer. */
export function rearm(watch: Watch, mono: number): Watch {
  return {
    ...watch,
    main: restart(watch.main, mono),
    open: watch.open.map((c) => restart(c, mono)),
    outside: [],
    stopped_since: null,
    suspicion: null,
    last_beat_at: mono,
  };
}

/** Credits the seconds up to `mono` to the innermost open phase, on the clock of every phase around
 * it. Called before the set of open phases changes and before any clock is read. */
export function credit(watch: Watch, from: number, mono: number): Watch {
  const innermost = watch.open.at(-1);
  const seconds = mono - from;
  if (innermost === undefined || seconds <= 0) return watch;
  const add = (c: PhaseClock): PhaseClock => ({
    ...c,
    inner: { ...c.inner, [innermost.name]: (c.inner[innermost.name] ?? 0) + seconds },
  });
  return {
    ...watch,
    main: add(watch.main),
    open: [...watch.open.slice(0, -1).map(add), innermost],
  };
}

export function withOutside(watch: Watch, sample: Outside): Watch {
  return { ...watch, outside: [...watch.outside, sample].slice(-OUTSIDE_KEPT) };
}
