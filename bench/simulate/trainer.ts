import type { Phase } from '../../daemon/core/index.js';
import { type Block, binsOf, type Noise, noises, secondsOfBin } from './noise.js';
import type { HangFlavour, Plan } from './plan.js';
import type { Rng } from './rng.js';
import { type Doing, Usage } from './usage.js';

/** A stretch of what the trainer does, ended by a step, by a phase's end, or by its exit. */
export interface Span {
  readonly phase: Phase;
  readonly from: number;
  to: number;
  /** In which it looks idle although it is not hung. */
  wait: { from: number; to: number } | null;
  /** In which it waits for storage. */
  stall: { from: number; to: number } | null;
  /** Steps made at its end; more than one only in a block, whose bins are known. */
  readonly steps: number;
  readonly bins: Readonly<Record<number, number>> | null;
}

export interface Hang {
  readonly at: number;
  readonly flavour: HangFlavour | 'storage';
  readonly phase: Phase;
  /** The 99th percentile of that phase, as it was. */
  readonly p99: number;
}

/** How long phases are slowed down, and how much. */
export interface Slowness {
  readonly factor: number;
  readonly until: number;
}

const ONCE: readonly Phase[] = ['startup', 'load', 'cache', 'first_step', 'finish'];
/** A pass that is slowed down ends before the ceilings all the same. */
const LONGEST_PASS = 2000;
const Z99 = 2.326;
/** Steps and passes that look idle in their middle. */
const WAIT_CHANCE = { step: 0.003, phase: 0.15 };
/** Phases in which trainers ask the network, and how long the other side keeps them waiting. */
const NETWORK: readonly Phase[] = ['startup', 'load', 'finish'];
const ANSWER = { least: 2, most: 75 };
/** What one in a hundred of all passes waits: one in fifteen of those that wait at all. */
const ANSWER_99 = ANSWER.most * (ANSWER.least / ANSWER.most) ** (0.01 / WAIT_CHANCE.phase);
const BEFORE_STEPS: readonly Phase[] = ['startup', 'load', 'cache', 'first_step'];

/** One attempt of a trainer: what it does, one span after the other, and how it looks from outside. */
export class Trainer {
  span: Span;
  step: number;
  hang: Hang | null = null;
  stopped_at: number | null = null;
  /** Steps of whole checkpoints. */
  saved: number | null = null;
  done = false;
  readonly usage: Usage;
  private counted: number;
  private block: Block;
  private at_in_block = 0;
  /** The step of the block that will wait for something. */
  private waits_at = 0;
  private readonly noise: Noise;

  constructor(
    readonly plan: Plan,
    private readonly rng: Rng,
    readonly attempt: number,
    readonly from: number,
    now: number,
    /** How often each phase was passed in this night, by any attempt. */
    private readonly passed: Map<Phase, number>,
    private readonly slowness: (at: number) => Slowness,
  ) {
    this.step = from;
    this.counted = now;
    this.usage = new Usage(plan.trainer, rng);
    this.noise = noises()[plan.trainer.spread] as Noise;
    this.block = this.anyBlock();
    this.span = this.pass('startup', now);
  }

  /** What it says of its phases; null for one that says nothing. */
  phases(): readonly string[] | null {
    const { reports, names_step, leaves_open } = this.plan.trainer;
    if (!reports) return null;
    const { phase } = this.span;
    const steps = names_step ? ['step'] : [];
    if (phase === 'step')
      return leaves_open && this.saved !== null && this.saved > this.from
        ? [...steps, 'checkpoint']
        : steps;
    return phase === 'checkpoint' || phase === 'sample' || phase === 'validate'
      ? [...steps, phase]
      : [phase];
  }

  /** Whether it says when this phase begins and ends. */
  private isTold(phase: Phase): boolean {
    const { reports, leaves_open } = this.plan.trainer;
    return reports && !(leaves_open && phase === 'checkpoint');
  }

  /** True 99th percentile of a phase as slow as things are now. */
  p99(phase: Phase, at: number): number {
    const slow = this.slowness(at).factor;
    if (phase === 'step') return this.noise.p99 * this.usual(slow);
    if (!this.plan.trainer.reports && BEFORE_STEPS.includes(phase)) return this.beforeSteps();
    const { median, sigma } = this.plan.trainer.phases[phase];
    if (NETWORK.includes(phase))
      return Math.max(median * Math.exp(Z99 * sigma), median + ANSWER_99);
    return median * Math.exp(Z99 * sigma) * (ONCE.includes(phase) ? 1 : slow);
  }

  /** All that comes before the first step is one phase to whoever is told of none. */
  private beforeSteps(): number {
    const { startup, load, first_step } = this.plan.trainer.phases;
    return (
      startup.median + load.median * (this.attempt > 1 ? 0.4 : 1) + first_step.median + ANSWER_99
    );
  }

  /** Ends the present span at its end and begins the next. `quiet`: seconds a step may take without
   * being looked at; `limit`: when something else will happen, so that no block may go beyond. */
  advance(quiet: number, limit: number): void {
    const { span } = this;
    const now = span.to;
    this.count(now);
    this.step += span.steps;
    this.passed.set(span.phase, (this.passed.get(span.phase) ?? 0) + Math.max(1, span.steps));
    if (span.phase === 'checkpoint') this.saved = this.step;
    if (span.phase === 'finish') {
      this.done = true;
      return;
    }
    this.span = this.next(span, now, quiet, limit);
  }

  private next(last: Span, now: number, quiet: number, limit: number): Span {
    const { caches, every, target } = this.plan.trainer;
    if (last.phase === 'startup') return this.pass('load', now);
    if (last.phase === 'load')
      return this.pass(caches && this.attempt === 1 ? 'cache' : 'first_step', now);
    if (last.phase === 'cache') return this.pass('first_step', now);
    if (last.phase !== 'first_step') {
      if (target !== null && this.step >= target) return this.pass('finish', now);
      const due = (n: number): boolean => this.step > 0 && this.step % n === 0;
      const order: readonly Phase[] = ['step', 'checkpoint', 'sample', 'validate'];
      const after = order.indexOf(last.phase);
      if (after < 1 && due(every.checkpoint)) return this.pass('checkpoint', now);
      if (after < 2 && due(every.sample)) return this.pass('sample', now);
      if (after < 3 && due(every.validate)) return this.pass('validate', now);
    }
    return this.steps(now, quiet, limit, last.phase !== 'step');
  }

  private usual(slow: number): number {
    return secondsOfBin(this.usualBin(slow));
  }

  private usualBin(slow: number): number {
    return this.plan.trainer.step_bin + Math.round(Math.log(slow) / Math.log(1.1));
  }

  private anyBlock(): Block {
    const { blocks } = this.noise;
    this.waits_at = this.nextWait(0);
    return blocks[Math.floor(this.rng.next() * blocks.length)] as Block;
  }

  private nextWait(from: number): number {
    return from + Math.floor(this.rng.wait(1 / WAIT_CHANCE.step));
  }

  /** As many quiet steps as there are in one piece, or one that is not quiet. The first after a pass
   * is `alone`: where the pass is not reported its time is that step's. */
  private steps(now: number, quiet: number, limit: number, alone: boolean): Span {
    const { every, target } = this.plan.trainer;
    if (this.at_in_block >= this.block.times.length) {
      this.block = this.anyBlock();
      this.at_in_block = 0;
    }
    const { block, at_in_block: begin, waits_at } = this;
    const { factor, until } = this.slowness(now);
    const usual = this.usual(factor);
    const to = (n: number): number => (Number.isFinite(n) ? n - (this.step % n) : n);
    const most = Math.min(
      to(every.checkpoint),
      to(every.sample),
      to(every.validate),
      target === null ? Number.POSITIVE_INFINITY : target - this.step,
    );
    const last = Math.min(block.times.length, begin + most);
    const stop = alone ? begin : Math.min(last, waits_at);
    const before = (block.sums[begin] ?? 0) + (Math.min(limit, until) - now) / usual;
    const longest = quiet / usual;
    let end = begin;
    while (end < stop && (block.times[end] ?? 0) < longest && (block.sums[end + 1] ?? 0) < before)
      end += 1;
    if (end - begin >= 2) {
      this.at_in_block = end;
      const seconds = ((block.sums[end] ?? 0) - (block.sums[begin] ?? 0)) * usual;
      const bins = binsOf(block, begin, end, this.usualBin(factor));
      return plain('step', now, now + seconds, end - begin, bins);
    }
    const seconds = (block.times[begin] ?? 1) * usual;
    this.at_in_block = begin + 1;
    const span = plain('step', now, now + this.slowed(now, seconds / factor), 1, null);
    if (begin >= waits_at) {
      this.addWait(span, 'step', 0);
      this.waits_at = this.nextWait(begin + 1);
    }
    return span;
  }

  private pass(phase: Phase, now: number): Span {
    const { median, sigma } = this.plan.trainer.phases[phase];
    let seconds = median * Math.exp(sigma * this.rng.normal());
    // Loaded a second time from the page cache.
    if (phase === 'load' && this.attempt > 1) seconds *= 0.4;
    if (!ONCE.includes(phase)) seconds = Math.min(LONGEST_PASS, this.slowed(now, seconds));
    const span = plain(phase, now, now + seconds, phase === 'first_step' ? 1 : 0, null);
    if (this.rng.chance(WAIT_CHANCE.phase)) this.addWait(span, phase, seconds);
    return span;
  }

  /** How long `seconds` of work take from `now` on. */
  private slowed(now: number, seconds: number): number {
    const { factor, until } = this.slowness(now);
    const within = (until - now) / factor;
    return seconds <= within ? seconds * factor : until - now + (seconds - within);
  }

  /** A healthy wait that looks idle, as long as waits of that kind get; see docs/simulator.md. */
  private addWait(span: Span, phase: Phase, seconds: number): void {
    const { rng } = this;
    const at = rng.next() * (span.to - span.from);
    if (NETWORK.includes(phase)) {
      const answer = rng.log(ANSWER.least, ANSWER.most);
      span.wait = { from: span.from + at, to: span.from + at + answer };
      span.to += answer;
      return;
    }
    // A wait is for something else than the work that may be slow just then.
    const { median, sigma } = this.plan.trainer.phases[phase];
    const p99 = median * (phase === 'step' ? this.noise.p99 : Math.exp(Z99 * sigma));
    const known = (this.passed.get(phase) ?? 0) >= 100;
    let most = known ? 1.5 * p99 : 1.5 * median;
    if (phase !== 'step' && (ONCE.includes(phase) || !known)) most = Math.min(most, 20);
    if (phase !== 'step' && !this.isTold(phase) && !ONCE.includes(phase)) {
      // Within a pass that is not reported: short, or after enough work to tell it from a step.
      const step = this.noise.p99 * this.usual(1);
      const begun = at > 8 + 3 * step;
      most = Math.min(most, begun ? Math.min(20, 2 * at) : Math.max(1.5 * this.usual(1), 4.5));
    }
    const wait = rng.between(0.1, 1) * most;
    span.wait = { from: span.from + at, to: span.from + at + wait };
    span.to = span.to + (phase === 'step' || seconds < wait + at ? wait : 0);
  }

  /** Storage stops answering for so long. Blocks are cut so that none is under way then. */
  stall(now: number, seconds: number): void {
    const { span } = this;
    span.stall = { from: now, to: now + seconds };
    span.to += seconds;
    if (span.wait !== null && span.wait.to > now)
      span.wait = { from: Math.max(now, span.wait.from) + seconds, to: span.wait.to + seconds };
  }

  /** Work under way takes longer from now on. */
  slowDown(now: number): void {
    if (this.hang !== null || ONCE.includes(this.span.phase)) return;
    const rest = this.span.to - now;
    const longest = this.span.from + LONGEST_PASS;
    this.span.to = Math.max(this.span.to, Math.min(longest, now + this.slowed(now, rest)));
  }

  wedge(now: number, flavour: Hang['flavour']): void {
    this.count(now);
    const { phase } = this.span;
    const { reports } = this.plan.trainer;
    const p99 = this.p99(phase, now);
    const told = !reports && BEFORE_STEPS.includes(phase) ? 'startup' : phase;
    this.hang = { at: now, flavour, phase: told, p99 };
    this.span.to = Number.POSITIVE_INFINITY;
  }

  stopBySignal(now: number): void {
    this.count(now);
    this.stopped_at = now;
  }

  goOn(now: number): void {
    if (this.stopped_at === null) return;
    this.count(now);
    const stood = now - this.stopped_at;
    this.stopped_at = null;
    this.span.to += stood;
    const { wait, stall } = this.span;
    if (wait !== null && wait.to > now) this.span.wait = { from: wait.from, to: wait.to + stood };
    if (stall !== null && stall.to > now)
      this.span.stall = { from: stall.from, to: stall.to + stood };
  }

  doing(at: number): Doing {
    if (this.stopped_at !== null) return 'stopped';
    if (this.hang !== null) return this.hang.flavour;
    const { stall, wait } = this.span;
    if (stall !== null && at >= stall.from && at < stall.to) return 'storage';
    if (wait !== null && at >= wait.from && at < wait.to) return 'idle';
    return 'busy';
  }

  /** Brings the counters up to `now`. */
  count(now: number): void {
    const { stall, wait } = this.span;
    const edges = [stall?.from, stall?.to, wait?.from, wait?.to]
      .filter((x): x is number => x !== undefined && x > this.counted && x < now)
      .sort((a, b) => a - b);
    for (const edge of [...edges, now]) {
      this.usage.pass(this.doing((this.counted + edge) / 2), edge - this.counted);
      this.counted = edge;
    }
  }
}

function plain(phase: Phase, from: number, to: number, steps: number, bins: Span['bins']): Span {
  return { phase, from, to, wait: null, stall: null, steps, bins };
}
