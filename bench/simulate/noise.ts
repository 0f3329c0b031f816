import type { Bins } from '../../daemon/core/index.js';
import { Rng } from './rng.js';

/**
 * The noise of step times, made once: multipliers of a step's usual time, lognormal with a heavy
 * tail, in blocks that know their sums and their bins. A quiet block of a night is fed to the core in
 * one piece. A step's usual time is the middle of a bin of the core's sketch, so that the bins of a
 * block are those of its multipliers, moved.
 */
export interface Block {
  readonly times: Float64Array;
  readonly longest: number;
  /** Sum of the first i multipliers. */
  readonly sums: Float64Array;
  /** How many bins each is above the usual time. */
  readonly above: Int16Array;
  readonly keys: Int32Array;
  readonly counts: Int32Array;
}

export interface Noise {
  readonly blocks: readonly Block[];
  /** The 99th percentile of the multipliers. */
  readonly p99: number;
  /** All multipliers, in ascending order. */
  readonly all: Float64Array;
}

const LENGTH = 1024;
const BLOCKS = 16;
/** Spreads of the lognormal part. */
export const SPREADS = [0.05, 0.1, 0.16, 0.22, 0.28, 0.35] as const;
/** Steps that take several times as long as usual: a page fault storm, a slow image. */
const TAIL = { chance: 0.004, from: 2, to: 7 };
/** Bins are 10 % wide; a time that is the middle of one moves the bins of its multiples by whole ones. */
const binsAbove = (times: number): number => Math.round(Math.log(times) / Math.log(1.1));

function makeNoise(spread: number, index: number): Noise {
  const rng = new Rng(0x5eed, index);
  const blocks = Array.from({ length: BLOCKS }, () => makeBlock(rng, spread));
  const all = Float64Array.from(blocks.flatMap((block) => [...block.times])).sort();
  return {
    blocks,
    p99: all[Math.floor(all.length * 0.99)] ?? 1,
    all,
  };
}

function makeBlock(rng: Rng, spread: number): Block {
  const times = new Float64Array(LENGTH);
  const sums = new Float64Array(LENGTH + 1);
  const above = new Int16Array(LENGTH);
  const bins = new Map<number, number>();
  for (let i = 0; i < LENGTH; i += 1) {
    const tail = rng.chance(TAIL.chance) ? rng.between(TAIL.from, TAIL.to) : 1;
    const time = Math.exp(spread * rng.normal()) * tail;
    times[i] = time;
    sums[i + 1] = (sums[i] ?? 0) + time;
    const bin = binsAbove(time);
    above[i] = bin;
    bins.set(bin, (bins.get(bin) ?? 0) + 1);
  }
  return {
    times,
    longest: times.reduce((longest, time) => Math.max(longest, time), 0),
    sums,
    above,
    keys: Int32Array.from(bins.keys()),
    counts: Int32Array.from(bins.values()),
  };
}

let made: readonly Noise[] | null = null;

export function noises(): readonly Noise[] {
  made ??= SPREADS.map(makeNoise);
  return made;
}

/** The bins of steps `from` to `to` of a block, where a step usually falls into bin `usual`. */
export function binsOf(block: Block, from: number, to: number, usual: number): Bins {
  const bins: Record<number, number> = {};
  if (from === 0 && to === LENGTH) {
    for (let i = 0; i < block.keys.length; i += 1)
      bins[(block.keys[i] ?? 0) + usual] = block.counts[i] ?? 0;
    return bins;
  }
  // Counted beside the object, which is slow to change, and within the bins that these steps fall into.
  let [least, most] = [BINS, 0];
  for (let i = from; i < to; i += 1) {
    const bin = (block.above[i] ?? 0) + usual;
    counted[bin] = (counted[bin] ?? 0) + 1;
    if (bin < least) least = bin;
    if (bin > most) most = bin;
  }
  for (let bin = least; bin <= most; bin += 1) {
    if (counted[bin] !== 0) bins[bin] = counted[bin] ?? 0;
    counted[bin] = 0;
  }
  return bins;
}

/** More bins than there are. */
const BINS = 512;
const counted = new Uint32Array(BINS);

/** The middle of a bin of the core's sketch, in seconds. */
export const secondsOfBin = (bin: number): number => 1e-4 * 1.1 ** bin;
