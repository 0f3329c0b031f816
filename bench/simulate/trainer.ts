import type { Outlook, Phase } from '../../daemon/core/index.js';
import { type Noise, noises } from './noise.js';
import type { Plan } from './plan.js';
import type { Rng } from './rng.js';
import {
  BEFORE_STEPS,
  type Hang,
  isTold,
  ONCE,
  plain,
  type Slowness,
  type Span,
  type Stretch,
} from './span.js';
import { type Quiet, Steps } from './steps.js';
import { LOADED_AGAIN, PASS_WAITS, p99BetweenSteps, p99Of } from './typical.js';
import { type Doing, Usage } from './usage.js';
import { addWait } from './waits.js';
import { NEVER } from './world.js';

/** A pass that is slowed down ends before the ceilings all the same. */
const LONGEST_PASS = 2000;

const LATELY = 60;

/** Between two steps, in this order. */
const PAUSES: readonly Phase[] = ['checkpoint', 'sample', 'validate'];

export interface Outlooks {
  readonly is: Outlook;
  readonly until: number;
}

export interface Beginning {
  readonly attempt: number;
  /** The step of the checkpoint it resumes at. */
  readonly from: number;
  readonly now: number;
  /** Its steps begin at once: no start-up, no loading. */
  readonly warm: boolean;
}

/** One attempt of a trainer: what it does, one span after the other, and how it looks from outside. */
export class Trainer {
  span: Span;
  step: number;
  hang: Hang | null = null;
  stopped_at: number | null = null;
  done = false;
  readonly attempt: number;
  readonly from: number;
  readonly began: number;
  readonly usage: Usage;
  private saved = false;
  private counted: number;
  private readonly noise: Noise;
  private readonly stepping: Steps;

  constructor(
    readonly plan: Plan,
    private readonly rng: Rng,
    { attempt, from, now, warm }: Beginning,
    /** How often each phase was passed in this night, by any attempt. */
    private readonly passed: Map<Phase, number>,
    private readonly slowness: (at: number) => Slowness,
  ) {
    this.attempt = attempt;
    this.from = from;
    this.step = from;
    this.began = now;
    this.counted = now;
    this.usage = new Usage(plan.trainer, rng);
    this.noise = noises()[plan.trainer.spread] as Noise;
    this.stepping = new Steps(plan.trainer, this.noise, rng);
    this.span = warm ? plain('first_step', now, now, 0, null) : this.pass('startup', now);
  }

  /** What it says of its phases; null for one that says nothing. */
  phases(): readonly string[] | null {
    const { reports, names_step, leaves_open } = this.plan.trainer;
    if (!reports) return null;
    const { phase } = this.span;
    const steps = names_step ? ['step'] : [];
    if (phase === 'step') return leaves_open && this.saved ? [...steps, 'checkpoint'] : steps;
    return phase === 'checkpoint' || phase === 'sample' || phase === 'validate'
      ? [...steps, phase]
      : [phase];
  }

  /** Ends the present span at its end and begins the next. `limit`: when something else will happen,
   * so that no piece of steps may go beyond. */
  advance(quiet: Quiet, limit: number): void {
    const { span } = this;
    const now = span.to;
    this.count(now);
    this.step += span.steps;
    this.passed.set(span.phase, (this.passed.get(span.phase) ?? 0) + Math.max(1, span.steps));
    if (span.phase === 'checkpoint') this.saved = true;
    if (span.phase === 'finish') {
      this.done = true;
      return;
    }
    this.span = this.next(span, now, quiet, limit);
  }

  /** What comes after a span, `step` being made by then. */
  private after({ phase }: Span, step: number): Phase {
    const { caches, every, target } = this.plan.trainer;
    if (phase === 'startup') return 'load';
    if (phase === 'load') return caches && this.attempt === 1 ? 'cache' : 'first_step';
    if (phase === 'cache') return 'first_step';
    if (phase === 'first_step') return 'step';
    if (target !== null && step >= target) return 'finish';
    const due = (n: number): boolean => step > 0 && step % n === 0;
    const after = PAUSES.indexOf(phase);
    return (
      PAUSES.find((pause, i) => i > after && due(every[pause as keyof typeof every])) ?? 'step'
    );
  }

  /** A pause that nobody is told of ends with the step after it, and that one is known not to wait. */
  private stepsOnBusily(): boolean {
    const { span, step, stepping } = this;
    return PAUSES.includes(span.phase) && this.after(span, step) === 'step' && !stepping.mayWait;
  }

  private next(last: Span, now: number, quiet: Quiet, limit: number): Span {
    const phase = this.after(last, this.step);
    if (phase !== 'step') return this.pass(phase, now);
    const { factor, until } = this.slowness(now);
    return this.stepping.next({
      now,
      step: this.step,
      factor,
      until: Math.min(limit, until),
      quiet,
      // The first after a pass is told alone: where the pass is not reported its time is that step's.
      alone: last.phase !== 'step',
      slowed: (seconds) => this.slowed(now, seconds),
    });
  }

  private pass(phase: Phase, now: number): Span {
    const { median, sigma } = this.plan.trainer.phases[phase];
    let seconds = median * Math.exp(sigma * this.rng.normal());
    if (phase === 'load' && this.attempt > 1) seconds *= LOADED_AGAIN;
    if (!ONCE.has(phase)) seconds = Math.min(LONGEST_PASS, this.slowed(now, seconds));
    const span = plain(phase, now, now + seconds, phase === 'first_step' ? 1 : 0, null);
    if (this.rng.chance(PASS_WAITS)) {
      const { trainer: plan } = this.plan;
      const passed = this.passed.get(phase) ?? 0;
      addWait(span, this.rng, { plan, attempt: this.attempt, passed, seconds });
    }
    return span;
  }

  /** How long `seconds` of work take from `now` on. */
  private slowed(now: number, seconds: number): number {
    const { factor, until } = this.slowness(now);
    const within = (until - now) / factor;
    return seconds <= within ? seconds * factor : until - now + (seconds - within);
  }

  /** Storage stops answering for so long. Pieces are cut so that none is under way then. */
  stall(now: number, seconds: number): void {
    this.count(now);
    const { span } = this;
    span.stall = { from: now, to: now + seconds };
    span.to += seconds;
    if (span.wait !== null && span.wait.to > now)
      span.wait = { from: Math.max(now, span.wait.from) + seconds, to: span.wait.to + seconds };
  }

  /** Work under way takes longer from now on. */
  slowDown(now: number): void {
    if (this.hang !== null || ONCE.has(this.span.phase)) return;
    const rest = this.span.to - now;
    const longest = this.span.from + LONGEST_PASS;
    this.span.to = Math.max(this.span.to, Math.min(longest, now + this.slowed(now, rest)));
  }

  /** The 99th percentile of a phase as things have been of late: what has been slow for {@link LATELY}
   * steps is measured by its slow steps, what has just become so is not. */
  private p99(phase: Phase, now: number): number {
    const { trainer } = this.plan;
    const own = phase === 'step' ? p99BetweenSteps(trainer) : p99Of(phase, trainer, this.attempt);
    if (ONCE.has(phase)) return own;
    const slow = this.slowness(now).factor;
    const then = this.slowness(now - LATELY * trainer.phases.step.median * slow).factor;
    return own * Math.min(slow, then);
  }

  wedge(now: number, flavour: Hang['flavour']): void {
    this.count(now);
    const { phase, from } = this.span;
    const { trainer } = this.plan;
    const untold = !trainer.reports && BEFORE_STEPS.has(phase);
    this.hang = {
      at: now,
      progress_at: untold ? this.began : from,
      flavour,
      phase: untold ? 'startup' : phase,
      told: untold || isTold(phase, trainer),
      p99: this.p99(phase, now),
    };
    this.span.to = Number.POSITIVE_INFINITY;
  }

  stopBySignal(now: number): void {
    this.count(now);
    this.stopped_at = now;
  }

  goOn(now: number): void {
    if (this.stopped_at === null) return;
    this.count(now);
    const since = this.stopped_at;
    const stood = now - since;
    this.stopped_at = null;
    this.span.to += stood;
    // What had not begun then begins later, and is no longer for it.
    const later = ({ from, to }: Stretch): Stretch => ({
      from: from > since ? from + stood : from,
      to: to + stood,
    });
    const { wait, stall } = this.span;
    if (wait !== null && wait.to > since) this.span.wait = later(wait);
    if (stall !== null && stall.to > since) this.span.stall = later(stall);
  }

  doing(at: number): Doing {
    if (this.stopped_at !== null) return 'stopped';
    if (this.hang !== null) return this.hang.flavour;
    const { stall, wait } = this.span;
    if (stall !== null && at >= stall.from && at < stall.to) return 'storage';
    if (wait !== null && at >= wait.from && at < wait.to) return 'idle';
    return 'busy';
  }

  /** How each look is sure to find it, as things are, and until when. */
  outlook(at: number): Outlooks {
    const doing = this.doing(at);
    if (doing === 'livelock' || doing === 'livelock_log') return { is: 'busy', until: NEVER };
    const { stall, wait, to, steps, phase } = this.span;
    if (doing === 'storage') return { is: 'storage', until: stall?.to ?? NEVER };
    if (doing !== 'busy') return { is: 'anything', until: at };
    // A step, or the end of a phase that is told, is progress: idleness is counted anew.
    const ends =
      steps > 0 || (this.plan.trainer.reports && phase !== 'step') || this.stepsOnBusily();
    let until = ends ? NEVER : to;
    if (stall !== null && stall.from > at) until = Math.min(until, stall.from);
    if (wait !== null && wait.from > at) until = Math.min(until, wait.from);
    return { is: 'busy', until };
  }

  /** Brings the counters up to `now`. */
  count(now: number): void {
    const { stall, wait } = this.span;
    if (stall !== null || wait !== null) {
      const edges = [stall?.from, stall?.to, wait?.from, wait?.to]
        .filter((x): x is number => x !== undefined && x > this.counted && x < now)
        .sort((a, b) => a - b);
      for (const edge of edges) this.countTo(edge);
    }
    this.countTo(now);
  }

  private countTo(to: number): void {
    this.usage.pass(this.doing((this.counted + to) / 2), to - this.counted);
    this.counted = to;
  }
}
