import type { Phase } from './phases.js';
import type { HangPolicy } from './policy.js';
import { type Sketch, samples, type Times, timesOf } from './sketch.js';
import type { Learned } from './state.js';

/** What a phase is allowed, all in seconds. */
export interface PhaseBudget {
  /** The phase's own median, 0 without a history. */
  readonly usual: number;
  /** Silence after which it is looked at from outside. */
  readonly look: number;
  /** Silence that makes a hang, together with idleness of `idle` seconds. */
  readonly silent: number;
  readonly idle: number;
  /** What a phase around it is credited with for it. */
  readonly allowance: number;
  /** Silence of a busy process that raises a suspicion, and no more. */
  readonly patience: number;
  /** Silence that makes a hang whatever is seen from outside. */
  readonly ceiling: number;
}

/** What the budgets rest on, one job's. */
export interface Grounds {
  readonly learned: Learned;
  readonly policy: HangPolicy;
  /** Attempts that hung without a step gained, since the last gained checkpoint. */
  readonly hangs: number;
  /** Seconds that a step hardly ever takes longer than just now, null when that is not known. */
  readonly pace: number | null;
  /** What follows from the above, worked out when it is first asked for. */
  readonly budgets: Partial<Record<Phase, PhaseBudget>>;
}

/** The part of that silence during which the process must have been idle: more where times are spread,
 * since their 99th percentile is known less well. Healthy waits that look idle last up to 1.5 times the
 * 99th percentile of their phase; with a factor of 2.05 this is 1.6 to 1.95. */
const IDLE_PART = { even: 0.79, spread: 0.2, most: 0.95, of_floor: 0.84 };
/** Looks begin at this part of it: idleness has to be seen for most of it, and most steps are never
 * looked at. */
const LOOK_AT = 0.12;
/** A process that is busy is suspected after so many times that silence. */
const BUSY = 2;
/** The part at which looks begin where there is no history. */
const LOOK_SOON = 0.02;
/** What is added to a step's budget for how few samples it rests on: a half at one, a twentieth at
 * a hundred. Of passes even the median is uncertain at first: a half at one, a fourth at two. */
const FEW = 0.5;
/** Phases that an attempt passes once. Their times say little of how long they may look idle (a
 * cache that is there already, a model in memory), so they never wait longer than without history. */
const ONCE: ReadonlySet<Phase> = new Set<Phase>([
  'startup',
  'load',
  'cache',
  'first_step',
  'finish',
]);
/** The others have passed often enough by then for a 99th percentile to be one. */
const OFTEN = 80;
/** A trainer asks a hub for what it has already, logs in to a tracker, uploads its result: it then looks
 * idle for as long as the other side keeps it waiting. */
const NETWORK: ReadonlySet<Phase> = new Set<Phase>(['startup', 'load', 'finish']);
/** Without a history a step is given the time of several others: it may take as long as they. */
const UNKNOWN_STEP = 4;
/** Each attempt that hung without a step doubles the idleness asked for where there is no history, up
 * to 2^3: were a verdict wrong, a night of them must not follow. */
const MOST_DOUBLINGS = 3;

export function phaseBudget(phase: Phase, grounds: Grounds): PhaseBudget {
  const known = grounds.budgets[phase];
  if (known !== undefined) return known;
  const budget = workOut(phase, grounds);
  grounds.budgets[phase] = budget;
  return budget;
}

function workOut(phase: Phase, grounds: Grounds): PhaseBudget {
  const { learned, policy, pace } = grounds;
  const sketch = learned[phase];
  const unknown = withoutHistory(phase, grounds);
  if (sketch === undefined || samples(sketch) < policy.min_samples) return unknown;
  const times = timesIn(phase, sketch);
  if (times === null) return unknown;
  const n = samples(sketch);
  const trusted = phase === 'step' || (!ONCE.has(phase) && n >= OFTEN);
  const own = phase === 'step' ? Math.min(times.p99, pace ?? times.p99) : expected(n, times);
  // Few samples are likely to have missed the slow ones.
  const wanted = own * policy.factor * (1 + FEW / (phase === 'step' ? Math.sqrt(n) : n));
  const ceiling = learnedCeiling(phase, n, { ...times, p99: own }, grounds);
  const silent = Math.min(Math.max(wanted, policy.floor_seconds), ceiling);
  // What few passes let expect is an upper bound already.
  const spread = trusted ? (own / times.median) ** IDLE_PART.spread : 1;
  const part = Math.min(IDLE_PART.most, IDLE_PART.even * spread);
  const least = Math.max(policy.confirm_seconds, policy.floor_seconds * IDLE_PART.of_floor);
  const idle = Math.max(least, silent * part);
  const learnedBudget = {
    usual: times.median,
    look: silent * LOOK_AT,
    silent,
    idle,
    allowance: silent,
    patience: Math.min(silent * BUSY, ceiling),
    ceiling,
  };
  // How long the other side lets one wait says nothing of the next time.
  if (NETWORK.has(phase)) return { ...unknown, patience: learnedBudget.patience, ceiling };
  if (trusted) return learnedBudget;
  return {
    ...learnedBudget,
    look: Math.min(learnedBudget.look, unknown.look),
    silent: Math.min(silent, unknown.silent),
    idle: Math.min(idle, unknown.idle),
  };
}

/** Sketches never change: those of phases that did not pass meanwhile need not be read again. */
function timesIn(phase: Phase, sketch: Sketch): Times | null {
  const kept = read[phase];
  if (kept?.sketch === sketch) return kept.times;
  const times = timesOf(sketch);
  read[phase] = { sketch, times };
  return times;
}

const read: Partial<Record<Phase, { readonly sketch: Sketch; readonly times: Times | null }>> = {};

/** How far the passes of one job are taken to be spread before there are any (the deviation of the
 * logarithm of a lognormal time), and for how many samples that counts. While they are few it is taken to
 * be no more: what a slow hour did to a few passes counts for nothing. */
const SPREAD = { usual: 0.18, counts_for: 8 };
/** Standard normal quantiles: the distance of the quartiles, and of the 99th percentile from the median. */
const QUARTILES = 1.349;
const Z99 = 2.326;

/** The 99th percentile that the median and the quartiles of a phase's passes let expect. Their own one is,
 * of few, the longest, which is short by a half where the only pass was a quick one; of many, what
 * slow minutes and waits made of one in a hundred. */
function expected(n: number, { median, quartiles, p99, longest }: Times): number {
  const { usual, counts_for } = SPREAD;
  const seen = Math.log(quartiles[1] / quartiles[0]) / QUARTILES;
  const spread = Math.sqrt((n * seen ** 2 + counts_for * usual ** 2) / (n + counts_for));
  // Of two the shorter one may be the quick one.
  const middle = n === 2 ? longest : median;
  if (n < OFTEN) return middle * Math.exp(Z99 * Math.min(spread, usual));
  return Math.min(p99, median * Math.exp(Z99 * spread));
}

function withoutHistory(phase: Phase, { policy, hangs }: Grounds): PhaseBudget {
  const ceiling = policy.ceilings[phase];
  const times = (phase === 'step' ? UNKNOWN_STEP : 1) * 2 ** Math.min(hangs, MOST_DOUBLINGS);
  const { idle_seconds, network_seconds } = policy;
  const idle = Math.min((NETWORK.has(phase) ? network_seconds : idle_seconds) * times, ceiling);
  const patience = Math.min(policy.defaults[phase], ceiling);
  const look = idle * LOOK_SOON;
  return { usual: 0, look, silent: idle, idle, allowance: patience, patience, ceiling };
}

/** Whether trainers of this kind say when they are at something other than a step. */
export function reportsPauses({ learned }: Grounds): boolean {
  return (learned.checkpoint ?? learned.sample ?? learned.validate) !== undefined;
}

/** How far beyond all experience a busy process may go: a livelock uses the CPU for ever. */
const BEYOND_P99 = 60;
const BEYOND_LONGEST = 20;
const ENOUGH = 3;

/** The configured ceiling, or less where the job's history allows it. A trainer that reports its
 * pauses is needed for that: elsewhere a step may hide a sampling pass of any length. */
function learnedCeiling(phase: Phase, n: number, times: Times, grounds: Grounds): number {
  const { policy } = grounds;
  const ceiling = policy.ceilings[phase];
  if (!reportsPauses(grounds) || n < ENOUGH) return ceiling;
  const beyond = n < 100 ? times.longest * BEYOND_LONGEST : times.p99 * BEYOND_P99;
  return Math.min(ceiling, Math.max(policy.livelock_seconds, beyond));
}
