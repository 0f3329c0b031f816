import type { Phase } from '../../daemon/core/index.js';
import type { TrainerPlan } from './plan.js';
import type { Rng } from './rng.js';
import { isTold, NETWORK, ONCE, type Span } from './span.js';
import { ANSWER, p99Of } from './typical.js';

/** From so many passes on a phase's waits may be as long as its own slow passes. */
const KNOWN = 100;
/** A wait in the middle of anything is at most so many times its 99th percentile. */
const TIMES_P99 = 1.5;

/** Of which pass a wait is drawn. */
export interface Within {
  readonly plan: TrainerPlan;
  readonly attempt: number;
  /** How often this phase was passed in this night. */
  readonly passed: number;
  /** Seconds of work in the pass; 0 for a step. */
  readonly seconds: number;
}

/** Longest wait of a step, in seconds. */
export const longestWait = (plan: TrainerPlan): number => TIMES_P99 * p99Of('step', plan, 1);

/** Puts a healthy wait that looks idle into a span, as long as waits of that kind get. */
export function addWait(span: Span, rng: Rng, within: Within): void {
  const { seconds } = within;
  const { phase } = span;
  const at = rng.next() * (span.to - span.from);
  const wait = NETWORK.has(phase)
    ? rng.log(ANSWER.least, ANSWER.most)
    : rng.between(0.1, 1) * most(phase, at, within);
  span.wait = { from: span.from + at, to: span.from + at + wait };
  // A pass that is long enough has the wait in it.
  if (NETWORK.has(phase) || phase === 'step' || seconds < wait + at) span.to += wait;
}

/** A wait is for something else than the work, which may be slow just then. */
function most(phase: Phase, at: number, { plan, attempt, passed }: Within): number {
  const p99 = p99Of(phase, { ...plan, reports: true }, attempt);
  const { median } = plan.phases[phase];
  const known = passed >= KNOWN;
  const long = TIMES_P99 * (known ? p99 : median);
  if (phase === 'step') return long;
  const short = ONCE.has(phase) || !known ? Math.min(long, 20) : long;
  if (ONCE.has(phase) || isTold(phase, plan)) return short;
  // Within a pass that is not reported: short, or after enough work to tell it from a step.
  const usual = plan.phases.step.median;
  const begun = at > 8 + 3 * p99Of('step', plan, attempt);
  return Math.min(short, begun ? Math.min(20, 2 * at) : Math.max(1.5 * usual, 4.5));
}
