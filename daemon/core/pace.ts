import { type Bins, binOf, secondsOf } from './sketch.js';

/** The second longest of the last 30 to 60 steps of an attempt, by the bin of its time: what it is up to
 * now, where the history knows only what it was used to. The longest may be a save that was not reported.
 * Steps told in one piece count as one stretch. */
export interface Pace {
  /** Steps of the present stretch, their two longest, and the second longest of the stretch before. */
  readonly n: number;
  readonly longest: number;
  readonly second: number;
  readonly before: number | null;
}

export const noPace: Pace = { n: 0, longest: 0, second: 0, before: null };

const STRETCH = 30;
/** The 99th percentile of a lognormal step time is hardly ever further above the second of thirty. */
const ABOVE = 1.5;
/** An attempt's first steps say less, but of a trainer that was slow before it may be all there is. */
const FIRST = { steps: 10, above: 2.2 };

export function withStep(pace: Pace, seconds: number, steps: number): Pace {
  const bin = binOf(seconds);
  return withBins(pace, steps, bin, steps > 1 ? bin : 0);
}

export function withTimed(pace: Pace, bins: Bins): Pace {
  let steps = 0;
  let longest = 0;
  let second = 0;
  // In ascending order: the last are the longest.
  for (const key of Object.keys(bins)) {
    const bin = Number(key);
    const count = bins[bin] ?? 0;
    second = count > 1 ? bin : longest;
    longest = bin;
    steps += count;
  }
  return steps === 0 ? pace : withBins(pace, steps, longest, second);
}

function withBins(pace: Pace, steps: number, longest: number, second: number): Pace {
  if (pace.n >= STRETCH) return { n: steps, longest, second, before: pace.second };
  return {
    n: pace.n + steps,
    longest: Math.max(pace.longest, longest),
    second: Math.max(Math.min(pace.longest, longest), pace.second, second),
    before: pace.before,
  };
}

/** Seconds that a step hardly ever takes longer than, as things are now; null before there were
 * enough steps. */
export function atPresent({ n, second, before }: Pace): number | null {
  if (before !== null) return secondsOf(Math.max(second, before)) * ABOVE;
  return n < FIRST.steps ? null : secondsOf(second) * FIRST.above;
}
