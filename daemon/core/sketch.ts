/**
 * A quantile sketch that survives JSON: counts in logarithmic bins, each 10 % wider than the last.
 * The relative error of a quantile is at most 5 %. (The idea of DDSketch, Masson et al., VLDB 2019,
 * with a fixed base.) It holds two generations of samples, so that it follows a job that changes:
 * after a slow hour what was slow is forgotten within a thousand steps.
 */
export interface Sketch extends Generation {
  /** The generation before, whole. */
  readonly older?: Generation;
}

interface Generation {
  /** Samples in it. */
  readonly n: number;
  /** How many of them fell into the bin `from`, into the one above, and so on. */
  readonly from: number;
  readonly counts: readonly number[];
}

const BASE = Math.log(1.1);
/** Durations below this, in seconds, share the first bin: shorter than anything we could act on. */
const SMALLEST = 1e-4;
/** The bin of durations above three months. */
const LARGEST = 263;
/** Samples of a generation: enough for a tail, few enough to follow a trainer of slow steps. */
const GENERATION = 200;
/** Below so many samples the 99th percentile is the longest one, and one outlier would be it. */
const FEW = 100;

export const emptySketch: Sketch = { n: 0, from: 0, counts: [] };

/** How many durations fell into which bin. */
export type Bins = Readonly<Record<number, number>>;

/** The bin that a duration in seconds falls into. */
export function binOf(seconds: number): number {
  return Math.min(LARGEST, Math.round(Math.log(Math.max(seconds, SMALLEST) / SMALLEST) / BASE));
}

/** The middle of a bin, in seconds. */
export function secondsOf(bin: number): number {
  return SMALLEST * Math.exp(bin * BASE);
}

/** Adds `count` samples of `seconds` each. */
export function record(sketch: Sketch, seconds: number, count = 1): Sketch {
  return seconds >= 0 && count > 0 ? merge(sketch, { [binOf(seconds)]: count }) : sketch;
}

/** Adds samples that were sorted into bins before. */
export function merge(sketch: Sketch, more: Bins): Sketch {
  // Integer-like keys of an object come in ascending order (ECMA-262, OrdinaryOwnPropertyKeys).
  const keys = Object.keys(more);
  if (keys.length === 0) return sketch;
  const full = sketch.n >= GENERATION;
  const { n, from, counts } = added(full ? emptySketch : sketch, more, keys);
  const older = full ? { n: sketch.n, from: sketch.from, counts: sketch.counts } : sketch.older;
  return older === undefined ? { n, from, counts } : { n, from, counts, older };
}

function added(before: Generation, more: Bins, keys: readonly string[]): Generation {
  const least = Number(keys[0]);
  const most = Number(keys.at(-1));
  const from = before.n === 0 ? least : Math.min(before.from, least);
  const counts = moved(before, from);
  while (counts.length <= most - from) counts.push(0);
  let n = before.n;
  for (const key of keys) {
    const bin = Number(key);
    const count = more[bin] ?? 0;
    counts[bin - from] = (counts[bin - from] ?? 0) + count;
    n += count;
  }
  return { n, from, counts };
}

/** A copy of its counts that begins at another bin, no later than its own. */
function moved({ n, from, counts }: Generation, to: number): number[] {
  // Nearly always: steps fall into bins that are there already.
  if (from === to || n === 0) return counts.slice();
  return [...new Array<number>(from - to).fill(0), ...counts];
}

/** Adds counts to `bins` in place; how many there were. */
export function addTo(bins: Record<number, number>, more: Bins): number {
  let n = 0;
  for (const key of Object.keys(more)) {
    const bin = Number(key);
    const count = more[bin] ?? 0;
    bins[bin] = (bins[bin] ?? 0) + count;
    n += count;
  }
  return n;
}

/** Samples in both generations. */
export function samples(sketch: Sketch): number {
  return sketch.n + (sketch.older?.n ?? 0);
}

/** The `q` quantile in seconds (0 ≤ q ≤ 1), or null when there is no sample. */
export function quantile(sketch: Sketch, q: number): number | null {
  const n = samples(sketch);
  return n === 0 ? null : secondsOf(fromTop(sketch, [n - Math.ceil(q * n)])[0] ?? 0);
}

/** What a phase's history says of it, all in seconds. */
export interface Times {
  readonly median: number;
  /** The 25th and the 75th percentile. */
  readonly quartiles: readonly [number, number];
  readonly p99: number;
  readonly longest: number;
}

/**
 * The 99th percentile, with the median and the longest; null when there is no sample. It is robust at
 * both ends. While the samples are few it is the longest of them; from the third on it counts for no
 * more than twice the second longest. And it is never far beyond what the 90th percentile lets expect of
 * a lognormal tail: neither one stall, nor minutes of slow steps, nor the saves of a trainer that does
 * not report them make a job patient for the rest of the night.
 */
export function timesOf(sketch: Sketch): Times | null {
  const n = samples(sketch);
  if (n === 0) return null;
  const rank = (q: number): number => n - Math.ceil(q * n);
  const ranks = [0, rank(0.99), rank(0.9), rank(0.75), rank(0.5), rank(0.25)];
  const found = fromTop(sketch, ranks);
  const [longest = 0, tail = 0, upper = 0, third = 0, median = 0, first = 0] = found;
  const times: Times = {
    median: secondsOf(median),
    quartiles: [secondsOf(first), secondsOf(third)],
    p99: secondsOf(tail),
    longest: secondsOf(longest),
  };
  if (n < 3) return times;
  const expected = secondsOf(median + (upper - median) * Z99_OF_Z90) * SLACK;
  const p99 = Math.min(times.p99, expected);
  if (n >= FEW) return { ...times, p99 };
  const [second = 0] = fromTop(sketch, [1]);
  return { ...times, p99: Math.min(p99, 2 * secondsOf(second)) };
}

/** Standard normal quantiles: 2.326 / 1.282. */
const Z99_OF_Z90 = 1.815;
const SLACK = 1.15;

/** For each rank, in ascending order, the bin of the sample that has so many longer than itself; one pass. */
function fromTop(sketch: Sketch, ranks: readonly number[]): number[] {
  const older = sketch.older ?? emptySketch;
  const top = Math.max(sketch.from + sketch.counts.length, older.from + older.counts.length);
  const found: number[] = [];
  let seen = 0;
  for (let bin = top - 1; found.length < ranks.length && bin >= 0; bin -= 1) {
    seen += (sketch.counts[bin - sketch.from] ?? 0) + (older.counts[bin - older.from] ?? 0);
    while (found.length < ranks.length && (ranks[found.length] ?? 0) < seen) found.push(bin);
  }
  return found;
}
