import {
  asIfTicked,
  type Command,
  type Core,
  decide,
  type Event,
  initialCore,
  type Job,
  looksApart,
  nextLook,
  type Observation,
  quietGap,
} from '../../daemon/core/index.js';
import type { Outlooks } from './trainer.js';
import { JOB, NEVER, type World } from './world.js';

const WALL = 1_700_000_000;
/** Thresholds are kept away from by this part: sums of steps are rounded. */
const SHORT_OF = 0.98;
/** A tick at the very moment of a threshold might be short of it by a rounding. */
const ROUNDED = 1e-6;

export interface Hooks {
  readonly happened: (event: Event) => void;
  readonly execute: (command: Command) => void;
  /** How each look from outside is sure to find the trainer, and until when. */
  readonly outlook: () => Outlooks;
}

interface Due {
  readonly at: number;
  readonly act: () => void;
}

/** The daemon with its clocks: the real core, fed with what the edges would tell, and read whenever a
 * tick could decide anything. The ticks in between are skipped; `nextLook` proves that they may be. */
export class Supervisor {
  core: Core = initialCore();
  decisions = 0;
  /** It hears and does nothing up to then; null while it lives. */
  deaf_until: number | null = null;
  private due: Due[] = [];
  private planned = 0;
  private stale = false;
  private life = 1;
  private origin = -1000;
  private wall = WALL;

  constructor(
    private readonly world: World,
    private readonly hooks: Hooks,
  ) {}

  get job(): Job | undefined {
    return this.core.state.jobs[JOB];
  }

  get next_due(): number {
    return this.due[0]?.at ?? NEVER;
  }

  /** When the clocks are read next, as far as is known. */
  get tick_at(): number {
    if (this.stale) {
      this.stale = false;
      this.planned = Math.min(this.planned, this.nextTick());
    }
    return this.planned;
  }

  feed(seen: Observation): void {
    const decision = decide(this.core, seen, this.now(), this.world.policy);
    this.decisions += 1;
    this.core = decision.core;
    for (const event of decision.events) this.hooks.happened(event);
    for (const command of decision.commands) this.hooks.execute(command);
    if (seen.is === 'beat' || seen.is === 'steps' || seen.is === 'outside') this.plan();
    else if (seen.is !== 'tick') this.planned = Math.min(this.planned, this.soon());
  }

  tick(): void {
    // The ticks since the last one would have decided nothing.
    const { mono, wall } = this.now();
    const { poll } = this.world.plan;
    if (this.core.last !== null && mono - this.core.last.mono > poll)
      this.core = asIfTicked(this.core, { mono: mono - poll, wall: wall - poll });
    this.plainTick();
  }

  /** After it stood still: this tick shows it. */
  plainTick(): void {
    this.plan();
    this.feed({ is: 'tick' });
  }

  /** What the trainer does has changed without a word to the daemon. */
  reconsider(): void {
    this.stale = true;
  }

  /** The next tick is to be thought of anew. */
  private plan(): void {
    this.planned = NEVER;
    this.stale = true;
  }

  /** Carried out after so many seconds, if this daemon lives and hears by then. */
  later(seconds: number, act: () => void): void {
    const due = { at: this.world.t + seconds, act };
    const after = this.due.findIndex(({ at }) => at > due.at);
    if (after < 0) this.due.push(due);
    else this.due.splice(after, 0, due);
  }

  carryOut(): void {
    this.due.shift()?.act();
  }

  /** Seconds that a step may take before anything can be decided. */
  quiet(busy: boolean): number {
    return quietGap(this.core, JOB, this.world.policy, busy ? 'busy' : 'anything') * SHORT_OF;
  }

  standStill(seconds: number): void {
    this.deaf_until = Math.max(this.deaf_until ?? 0, this.world.t + seconds);
  }

  /** What it knew beyond the journal is gone, and its clock will have another origin. */
  die(seconds: number): void {
    this.due = [];
    this.deaf_until = this.world.t + seconds;
    this.core = initialCore(this.core.state);
  }

  comeUp(): void {
    const { t, rng, plan } = this.world;
    this.origin = t - rng.between(0, 10);
    this.planned = t + plan.poll;
    this.stale = false;
    this.life += 1;
    this.feed({ is: 'daemon_up', pid: this.life, version: 'simulated', boot_id: 'boot' });
    this.plainTick();
  }

  /** The monotonic clock stands still while the machine sleeps, and so does everything else. */
  jump(seconds: number): void {
    this.wall += seconds;
    this.planned = Math.min(this.planned, this.soon());
  }

  private now() {
    return { mono: this.world.t - this.origin, wall: this.wall + this.world.t };
  }

  private soon(): number {
    return this.world.t + this.world.rng.next() * this.world.plan.poll;
  }

  private apart(at: number): number {
    const { mono, wall } = this.now();
    const ahead = at - this.world.t;
    const then = { mono: mono + ahead, wall: wall + ahead };
    return looksApart(this.core, JOB, then, this.world.policy);
  }

  /** Somewhere within a poll, or when that may matter. */
  private nextTick(): number {
    const { core, world } = this;
    const now = this.now();
    const soon = this.soon();
    const any = nextLook(core, now, world.policy, 'anything') + this.origin + ROUNDED;
    const { is, until } = this.hooks.outlook();
    if (is === 'anything' || any >= until || soon >= until) return Math.max(any, soon);
    // Looks begin again one to two of their distances before something else may be seen, so that they
    // meet it at any moment of that distance.
    const resume = until === NEVER ? NEVER : until - this.apart(until) * (1 + world.rng.next());
    const sure = nextLook(core, now, world.policy, is) + this.origin;
    return Math.max(any, soon, Math.min(sure, resume));
  }
}
