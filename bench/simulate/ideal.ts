import { Gain } from './gain.js';
import { type Fault, FOR_GOOD, type Plan } from './plan.js';
import { Rng } from './rng.js';
import { slownessOf } from './slowness.js';
import { ONCE, type Span } from './span.js';
import { Trainer } from './trainer.js';
import { NEVER } from './world.js';

/** Nothing is ever decided about the steps of an ideal night. */
const UNDISTURBED = { anyhow: NEVER, busy: NEVER, piece: NEVER };

/**
 * Training time that the same night would have gained under a supervisor that knows each fault at once
 * and resumes from the last whole checkpoint in no time, in seconds. `pays`: each attempt after the
 * first has the trainer's own start-up all the same. The steps since that checkpoint have to be made
 * again by anybody, and are time lost here too.
 */
export function idealUseful(plan: Plan, pays: boolean): number {
  return new Ideal(plan, pays).play();
}

class Ideal {
  private t = 0;
  private saved = 0;
  private at = 0;
  private readonly rng: Rng;
  private readonly gain = new Gain();
  private readonly slowness;
  private readonly passed = new Map();
  private readonly waiting: Extract<Fault, { is: 'hang' }>[] = [];
  private trainer: Trainer;

  constructor(
    private readonly plan: Plan,
    private readonly pays: boolean,
  ) {
    this.rng = new Rng(plan.seed, 3);
    this.slowness = slownessOf(plan.faults);
    this.trainer = this.start(1, false);
  }

  play(): number {
    const { plan } = this;
    for (;;) {
      const fault = plan.faults[this.at];
      const limit = Math.min(fault?.at ?? NEVER, plan.seconds);
      if (this.trainer.span.to < limit) {
        if (!this.spanEnds(limit)) return this.gain.seconds;
        continue;
      }
      this.t = limit;
      if (fault === undefined || fault.at >= plan.seconds) return this.gain.seconds;
      this.at += 1;
      if (fault.is === 'storage' && fault.seconds >= FOR_GOOD) return this.gain.seconds;
      this.strike(fault);
    }
  }

  /** False when the job is done. */
  private spanEnds(limit: number): boolean {
    const { trainer } = this;
    const { span } = trainer;
    this.t = span.to;
    trainer.advance(UNDISTURBED, limit);
    if (span.phase === 'checkpoint') this.saved = trainer.step;
    if (span.steps > 0) this.gain.stepped(this.t, trainer.step, span.steps);
    if (trainer.done) return false;
    this.hangIn(trainer.span);
    return true;
  }

  private strike(fault: Fault): void {
    switch (fault.is) {
      case 'crash':
        return this.restart();
      case 'hang':
        if (fault.phase === null || fault.phase === 'step') return this.restart();
        this.waiting.push(fault);
        return this.hangIn(this.trainer.span);
      case 'storage':
        return this.trainer.stall(this.t, fault.seconds);
      case 'slow':
      case 'slower_and_slower':
        return this.trainer.slowDown(this.t);
      default:
    }
  }

  /** A hang meant for this phase comes somewhere in it. */
  private hangIn({ phase, from, to }: Span): void {
    const i = this.waiting.findIndex((fault) => fault.phase === phase);
    if (i < 0) return;
    const [fault] = this.waiting.splice(i, 1);
    this.t = Math.max(this.t, Math.min(from + (fault?.part ?? 0) * (to - from), this.plan.seconds));
    // A start-up that is free cannot be spoilt.
    if (this.pays || !ONCE.has(phase)) this.restart();
  }

  private restart(): void {
    this.trainer = this.start(this.trainer.attempt + 1, !this.pays);
    this.gain.restart(this.pays ? null : this.t);
  }

  private start(attempt: number, warm: boolean): Trainer {
    const begin = { attempt, from: this.saved, now: this.t, warm };
    return new Trainer(this.plan, this.rng, begin, this.passed, this.slowness);
  }
}
