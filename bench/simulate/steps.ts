import { type Block, binsOf, type Noise, secondsOfBin } from './noise.js';
import type { TrainerPlan } from './plan.js';
import type { Rng } from './rng.js';
import { plain, type Span } from './span.js';
import { addWait, longestWait } from './waits.js';

/** Seconds that a step may take without anything being decided: whatever is seen of it, or while it
 * is busy all the time. */
export interface Quiet {
  readonly anyhow: number;
  readonly busy: number;
  /** Most steps that may be told in one piece. */
  readonly piece: number;
}

export interface Moment {
  readonly now: number;
  /** Steps made so far. */
  readonly step: number;
  /** How slow things are, and up to when that or anything else holds. */
  readonly factor: number;
  readonly until: number;
  readonly quiet: Quiet;
  readonly alone: boolean;
  readonly slowed: (seconds: number) => number;
}

/** Steps that look idle in their middle, of all steps. */
const WAITS = 0.003;

/** The steps of one attempt, told in as large pieces as nothing is decided within. */
export class Steps {
  private block: Block;
  private at = 0;
  /** The step of the block that will wait for something. */
  private waits_at: number;

  constructor(
    private readonly plan: TrainerPlan,
    private readonly noise: Noise,
    private readonly rng: Rng,
  ) {
    this.block = this.anyBlock();
    this.waits_at = this.nextWait(0);
  }

  private anyBlock(): Block {
    const { blocks } = this.noise;
    return blocks[Math.floor(this.rng.next() * blocks.length)] as Block;
  }

  private nextWait(from: number): number {
    return from + Math.floor(this.rng.wait(1 / WAITS));
  }

  /** As many quiet steps as there are in one piece, or one that is not quiet. */
  next(moment: Moment): Span {
    const { now, factor, quiet, alone } = moment;
    if (this.at >= this.block.times.length) {
      this.block = this.anyBlock();
      this.at = 0;
      this.waits_at = this.nextWait(0);
    }
    const { block, at: begin } = this;
    const bin = this.plan.step_bin + Math.round(Math.log(factor) / Math.log(1.1));
    const usual = secondsOfBin(bin);
    const end = alone ? begin : this.quietUntil(begin, usual, moment);
    if (end - begin >= 2) {
      this.at = end;
      const seconds = ((block.sums[end] ?? 0) - (block.sums[begin] ?? 0)) * usual;
      const bins = () => binsOf(block, begin, end, bin);
      return plain('step', now, now + seconds, end - begin, bins);
    }
    const seconds = (block.times[begin] ?? 1) * usual;
    this.at = begin + 1;
    const span = plain('step', now, now + moment.slowed(seconds / factor), 1, null);
    if (begin >= this.waits_at) {
      if (!this.isHidden(seconds, quiet)) {
        const within = { plan: this.plan, attempt: 1, passed: moment.step, seconds: 0 };
        addWait(span, this.rng, within);
      }
      this.waits_at = this.nextWait(begin + 1);
    }
    return span;
  }

  /** A step so short that it passes unseen with the longest of waits in it. */
  private isHidden(seconds: number, quiet: Quiet): boolean {
    return seconds + longestWait(this.plan) < quiet.anyhow;
  }

  /** The end of the piece that begins at `begin`. */
  private quietUntil(begin: number, usual: number, { now, step, until, quiet }: Moment): number {
    const { block, plan } = this;
    const { every, target } = plan;
    const to = (n: number): number => (Number.isFinite(n) ? n - (step % n) : n);
    const most = Math.min(
      quiet.piece,
      to(every.checkpoint),
      to(every.sample),
      to(every.validate),
      target === null ? Number.POSITIVE_INFINITY : target - step,
    );
    const hidden = this.isHidden(block.longest * usual, quiet);
    const last = Math.min(block.times.length, begin + most);
    const stop = hidden ? last : Math.min(last, this.waits_at);
    const before = (block.sums[begin] ?? 0) + (until - now) / usual;
    if (block.longest * usual < quiet.busy) return lastBefore(block.sums, before, begin, stop);
    const longest = quiet.busy / usual;
    let end = begin;
    while (end < stop && (block.times[end] ?? 0) < longest && (block.sums[end + 1] ?? 0) < before)
      end += 1;
    return end;
  }

  /** Whether the next step will wait for something, or may. */
  get mayWait(): boolean {
    return this.at >= this.waits_at || this.at >= this.block.times.length;
  }
}

/** The largest index in `[from, to]` whose sum is below `limit`; `from` when there is none. */
function lastBefore(sums: Float64Array, limit: number, from: number, to: number): number {
  if ((sums[to] ?? 0) < limit) return to;
  let [low, high] = [from, to];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((sums[middle] ?? 0) < limit) low = middle;
    else high = middle;
  }
  return low;
}
