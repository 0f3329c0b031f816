import type { Phase } from '../../daemon/core/index.js';
import { type Noise, noises, secondsOfBin } from './noise.js';
import type { TrainerPlan } from './plan.js';
import { BEFORE_STEPS, isTold, NETWORK } from './span.js';

/** Standard normal quantile of 0.99. */
const Z99 = 2.326;
/** Passes that look idle in their middle, of all passes. */
export const PASS_WAITS = 0.15;
/** Seconds that the other side of a network keeps a trainer waiting, log-uniform. */
export const ANSWER = { least: 2, most: 75 };
/** What one in a hundred of all passes waits: one in fifteen of those that wait at all. */
const ANSWER_99 = ANSWER.most * (ANSWER.least / ANSWER.most) ** (0.01 / PASS_WAITS);
/** A model that was loaded before comes from the page cache. */
export const LOADED_AGAIN = 0.4;

/** The 99th percentile of how long a phase takes a trainer when nothing slows it down, in seconds.
 * tests/simulate holds it against what the model draws. */
export function p99Of(phase: Phase, plan: TrainerPlan, attempt: number): number {
  if (phase === 'step') return secondsOfBin(plan.step_bin) * (noises()[plan.spread]?.p99 ?? 1);
  if (!plan.reports && BEFORE_STEPS.has(phase)) return beforeSteps(plan, attempt);
  const { median, sigma } = plan.phases[phase];
  const again = phase === 'load' && attempt > 1 ? LOADED_AGAIN : 1;
  const work = median * again * Math.exp(Z99 * sigma);
  return NETWORK.has(phase) ? Math.max(work, median * again + ANSWER_99) : work;
}

/** All that comes before the first step is one phase to whoever is told of none. */
function beforeSteps({ phases, caches }: TrainerPlan, attempt: number): number {
  const { startup, load, cache, first_step } = phases;
  const once = caches && attempt === 1 ? cache.median : 0;
  const again = attempt > 1 ? LOADED_AGAIN : 1;
  return startup.median + load.median * again + once + first_step.median + ANSWER_99;
}

/** The same of the time between two steps, which is all that is seen of a trainer's pauses where it does
 * not tell of them: of one that saves with each fiftieth step, it is a save's. */
export function p99BetweenSteps(plan: TrainerPlan): number {
  const { every, phases } = plan;
  const step = secondsOfBin(plan.step_bin);
  const pauses = (['checkpoint', 'sample', 'validate'] as const).filter((p) => !isTold(p, plan));
  const own = p99Of('step', plan, 1);
  const { all } = noises()[plan.spread] as Noise;
  const beyond = (seconds: number): number => {
    let part = 1 - countUpTo(all, seconds / step) / all.length;
    for (const pause of pauses) {
      const { median, sigma } = phases[pause];
      const z = Math.log(Math.max(seconds - step, 1e-9) / median) / sigma;
      part += normalBeyond(z) / every[pause];
    }
    return part;
  };
  let [low, high] = [own, own + 10 * Math.max(...pauses.map((p) => phases[p].median), 0)];
  for (let i = 0; i < 40; i += 1) {
    const middle = (low + high) / 2;
    if (beyond(middle) > 0.01) low = middle;
    else high = middle;
  }
  return low;
}

function countUpTo(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The standard normal's upper tail (Abramowitz and Stegun, 26.2.17; error below 1e-7). */
function normalBeyond(z: number): number {
  if (z < 0) return 1 - normalBeyond(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const series =
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series;
}
