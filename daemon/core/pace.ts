import { type Bins, binOf, secondsOf } from './sketch.js';

/** The longest of the last 30 to 60 steps of an attempt, by the bin of its time: what it is up to now,
 * where the history knows only what it was used to. */
export interface Pace {
  /** Steps of the present stretch, their longest, and the longest of the stretch before. */
  readonly n: number;
  readonly longest: number;
  readonly before: number | null;
}

export const noPace: Pace = { n: 0, longest: 0, before: null };

const STRETCH = 30;
/** The 99th percentile of a lognormal step time is hardly ever further above the longest of thirty. */
const ABOVE = 1.25;

export function withStep(pace: Pace, seconds: number, steps: number): Pace {
  return withBin(pace, binOf(seconds), steps);
}

export function withTimed(pace: Pace, bins: Bins): Pace {
  let steps = 0;
  let longest = 0;
  // In ascending order: the last is the longest.
  for (const key of Object.keys(bins)) {
    longest = Number(key);
    steps += bins[longest] ?? 0;
  }
  return steps === 0 ? pace : withBin(pace, longest, steps);
}

function withBin(pace: Pace, bin: number, steps: number): Pace {
  const full = pace.n >= STRETCH;
  const longest = full ? bin : Math.max(pace.longest, bin);
  return { n: full ? steps : pace.n + steps, longest, before: full ? pace.longest : pace.before };
}

/** Seconds that a step hardly ever takes longer than, as things are now; null before there were
 * enough steps. */
export function atPresent({ longest, before }: Pace): number | null {
  return before === null ? null : secondsOf(Math.max(longest, before)) * ABOVE;
}
