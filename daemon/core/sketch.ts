/**
 * A quantile sketch that survives JSON: counts in logarithmic bins, each 10 % wider than the last.
 * The relative error of a quantile is at most 5 %; one outlier adds one count and moves nothing.
 * (The idea of DDSketch, Masson et al., VLDB 2019, with a fixed base.)
 */
export interface Sketch {
  readonly n: number;
  readonly bins: Bins;
}

const BASE = Math.log(1.1);
/** Durations below this, in seconds, share the first bin: shorter than anything we could act on. */
const SMALLEST = 1e-4;
/** Past this many samples all counts are halved, so that the sketch follows a job that changes. */
const FULL = 20_000;

export const emptySketch: Sketch = { n: 0, bins: {} };

/** How many durations fell into which bin. */
export type Bins = Readonly<Record<number, number>>;

/** The bin that a duration in seconds falls into. */
export function binOf(seconds: number): number {
  return Math.round(Math.log(Math.max(seconds, SMALLEST) / SMALLEST) / BASE);
}

/** Adds `count` samples of `seconds` each. */
export function record(sketch: Sketch, seconds: number, count = 1): Sketch {
  return seconds >= 0 && count > 0 ? merge(sketch, { [binOf(seconds)]: count }) : sketch;
}

/** Adds samples that were sorted into bins before. */
export function merge(sketch: Sketch, more: Bins): Sketch {
  const bins: Record<number, number> = { ...sketch.bins };
  let n = sketch.n;
  for (const [key, count] of Object.entries(more)) {
    const bin = Number(key);
    bins[bin] = (bins[bin] ?? 0) + count;
    n += count;
  }
  return n <= FULL ? { n, bins } : halve(bins);
}

/** The `q` quantile in seconds (0 ≤ q ≤ 1), or null when there is no sample. */
export function quantile(sketch: Sketch, q: number): number | null {
  if (sketch.n === 0) return null;
  const rank = Math.ceil(q * sketch.n);
  let seen = 0;
  let last = 0;
  // Integer-like keys of an object come in ascending order (ECMA-262, OrdinaryOwnPropertyKeys).
  for (const key of Object.keys(sketch.bins)) {
    last = Number(key);
    seen += sketch.bins[last] ?? 0;
    if (seen >= rank) break;
  }
  return SMALLEST * Math.exp(last * BASE);
}

function halve(bins: Bins): Sketch {
  const halved: Record<number, number> = {};
  let n = 0;
  for (const [bin, count] of Object.entries(bins)) {
    const kept = Math.ceil(count / 2);
    halved[Number(bin)] = kept;
    n += kept;
  }
  return { n, bins: halved };
}
