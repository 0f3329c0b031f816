import {
  asIfTicked,
  type Command,
  type Core,
  decide,
  type Event,
  initialCore,
  type Job,
  nextLook,
  type Observation,
  type Phase,
  type Policy,
  quietGap,
} from '../../daemon/core/index.js';
import type { Account, Detection } from './account.js';
import { ENDINGS, type Ending, killedBy } from './endings.js';
import { idealUseful, startSeconds } from './ideal.js';
import { type Fault, FOR_GOOD, type Plan } from './plan.js';
import { Rng } from './rng.js';
import { slownessOf } from './slowness.js';
import { Trainer } from './trainer.js';

const JOB = 'lora';
const WALL = 1_700_000_000;
const NEVER = Number.POSITIVE_INFINITY;
const ONCE: readonly Phase[] = ['startup', 'load', 'cache', 'first_step', 'finish'];
/** Beyond its ceiling a hang may last so much longer: a look, a stall of the daemon. */
const MARGIN = 180;

export type Trace = (at: number, what: string) => void;

/** Plays one night: the real core against the model, on a clock that jumps to the next thing that
 * can matter. */
export function playNight(plan: Plan, policy: Policy, trace: Trace | null): Account {
  return new Night(plan, policy, trace).play();
}

interface Due {
  readonly at: number;
  /** Not carried out once the daemon is another. */
  readonly daemon: number;
  readonly act: () => void;
}

class Night {
  private t = 0;
  private core: Core = initialCore();
  private origin = -1000;
  private wall = WALL;
  private readonly rng: Rng;
  private readonly slowness;
  private readonly passed = new Map<Phase, number>();
  private readonly armed: Extract<Fault, { is: 'hang' }>[] = [];
  private faultAt = 0;
  private trainer: Trainer | null = null;
  private corpse: { attempt: number; ending: Ending } | null = null;
  private due: Due[] = [];
  private daemon = 1;
  private deafUntil: number | null = null;
  private tickAt = 0;
  private wedgeAt = NEVER;
  private wedge: Extract<Fault, { is: 'hang' }> | null = null;
  private saves: number[] = [];
  private told = '';
  private decisions = 0;
  private armedAt = 0;
  private high = 0;
  private lastStep: { at: number; step: number } | null = null;
  private useful = 0;
  private readonly falseKills: string[] = [];
  private readonly missed: string[] = [];
  private readonly detections: Detection[] = [];
  private readonly stops: number[] = [];
  private ended: Account['ended'] = 'morning';

  constructor(
    private readonly plan: Plan,
    private readonly policy: Policy,
    private readonly trace: Trace | null,
  ) {
    this.rng = new Rng(plan.seed, 2);
    this.slowness = slownessOf(plan.faults);
  }

  play(): Account {
    this.feed({ is: 'daemon_up', pid: 1, version: 'simulated', boot_id: 'boot' });
    this.feed({
      is: 'queue',
      spec: {
        name: JOB,
        trainer: 'command',
        target_step: this.plan.trainer.target,
        has_artefact: true,
        plan: null,
        profile: 'simulated',
      },
    });
    while (this.ended === 'morning' && this.turn());
    this.close();
    return this.account();
  }

  /** The next thing that happens; false when the night is over. */
  private turn(): boolean {
    const { trainer } = this;
    const moving = trainer !== null && trainer.stopped_at === null && !trainer.done;
    const span = moving ? trainer.span.to : NEVER;
    const fault = this.plan.faults[this.faultAt]?.at ?? NEVER;
    const wedge = moving ? this.wedgeAt : NEVER;
    const due = this.deafUntil === null ? (this.due[0]?.at ?? NEVER) : NEVER;
    // A block is told when it is over; the ticks in between are those of a trainer that steps on.
    const inBlock = moving && trainer.span.steps > 1;
    const tick =
      this.deafUntil === null ? (inBlock ? Math.max(this.tickAt, span) : this.tickAt) : NEVER;
    const next = Math.min(span, fault, wedge, due, tick, this.deafUntil ?? NEVER);
    if (next >= this.plan.seconds) {
      this.t = this.plan.seconds;
      return false;
    }
    this.t = Math.max(this.t, next);
    if (next === fault) this.fault();
    else if (next === wedge) this.startHang();
    else if (next === span) this.spanEnds();
    else if (next === this.deafUntil) this.hearAgain();
    else if (next === due) this.due.shift()?.act();
    else this.tick();
    return true;
  }

  private now() {
    return { mono: this.t - this.origin, wall: this.wall + this.t };
  }

  private feed(seen: Observation): void {
    const decision = decide(this.core, seen, this.now(), this.policy);
    this.decisions += 1;
    this.core = decision.core;
    for (const event of decision.events) this.happened(event);
    for (const command of decision.commands) this.execute(command);
    if (seen.is !== 'tick') this.tickAt = this.nextTick(seen);
  }

  private tick(): void {
    // The ticks since the last one would have decided nothing.
    const { mono, wall } = this.now();
    const { poll } = this.plan;
    if (this.core.last !== null && mono - this.core.last.mono > poll)
      this.core = asIfTicked(this.core, { mono: mono - poll, wall: wall - poll });
    this.plainTick();
  }

  private plainTick(): void {
    this.tickAt = NEVER;
    this.feed({ is: 'tick' });
    this.tickAt = Math.min(this.tickAt, this.nextTick({ is: 'tick' }));
  }

  /** When the clocks are to be read next: somewhere within a poll, or when that may matter. */
  private nextTick(seen: Observation): number {
    const soon = this.t + this.rng.next() * this.plan.poll;
    const progress = seen.is === 'beat' || seen.is === 'steps' || seen.is === 'outside';
    if (!progress && seen.is !== 'tick') return Math.min(this.tickAt, soon);
    const next = nextLook(this.core, this.now(), this.policy) + this.origin;
    return Math.max(next, soon);
  }

  private later(seconds: number, act: () => void): void {
    const due = { at: this.t + seconds, daemon: this.daemon, act };
    const after = this.due.findIndex(({ at }) => at > due.at);
    if (after < 0) this.due.push(due);
    else this.due.splice(after, 0, due);
  }

  private get job(): Job | undefined {
    return this.core.state.jobs[JOB];
  }

  // --- the trainer

  private spanEnds(): void {
    const { trainer } = this;
    if (trainer === null) return;
    const { span } = trainer;
    const limit = Math.min(
      this.plan.faults[this.faultAt]?.at ?? NEVER,
      this.deafUntil ?? NEVER,
      this.plan.seconds,
    );
    const deaf = this.deafUntil !== null;
    const gap = this.quiet();
    trainer.advance(gap, limit);
    if (span.phase === 'checkpoint') this.saved(trainer.step);
    if (span.steps > 0) this.stepped(trainer.step, span.steps);
    if (trainer.done) return this.dies(ENDINGS.done);
    this.maybeWedge();
    if (deaf) return;
    if (span.steps > 1) {
      const { seconds, bins } = { seconds: span.to - span.from, bins: span.bins ?? {} };
      this.feed({
        is: 'steps',
        job: JOB,
        attempt: trainer.attempt,
        step: trainer.step,
        seconds,
        bins,
      });
      this.tellPhases();
    } else if (span.steps === 1 && this.rng.chance(0.5)) {
      this.beat(trainer.step, null);
      this.tellPhases();
    } else if (span.steps === 1) this.tellAll();
    else this.tellPhases();
  }

  /** How long a step may take without being looked at. */
  private quiet(): number {
    return quietGap(this.core, JOB, this.policy) * 0.98;
  }

  private stepped(step: number, steps: number): void {
    const last = this.lastStep;
    this.lastStep = { at: this.t, step };
    if (last !== null && step > this.high)
      this.useful += ((this.t - last.at) * Math.min(steps, step - this.high)) / steps;
    this.high = Math.max(this.high, step);
  }

  private saved(step: number): void {
    this.saves.push(step);
    this.later(this.rng.between(1, 4), () => {
      if (this.saves.includes(step))
        this.feed({ is: 'checkpoint', job: JOB, checkpoint: this.checkpoint(step) });
    });
  }

  private checkpoint(step: number) {
    return { step, path: `/out/step-${step}`, bytes: 1e8 };
  }

  private beat(step: number | null, phases: readonly string[] | null): void {
    const { trainer } = this;
    if (trainer === null) return;
    const beat = { step, total: null, epoch: null, loss: null, phases };
    this.feed({ is: 'beat', job: JOB, attempt: trainer.attempt, beat });
  }

  private tellPhases(): void {
    const phases = this.trainer?.phases() ?? null;
    if (phases === null || this.trainer === null) return;
    const text = `${this.trainer.attempt} ${phases.join(' ')}`;
    if (text === this.told) return;
    this.told = text;
    this.beat(null, phases);
  }

  /** What a heartbeat file holds: the latest of everything. */
  private tellAll(): void {
    const { trainer } = this;
    if (trainer === null) return;
    const phases = trainer.phases();
    this.told = phases === null ? '' : `${trainer.attempt} ${phases.join(' ')}`;
    this.beat(trainer.step > trainer.from ? trainer.step : null, phases);
  }

  private dies(ending: Ending): void {
    const { trainer } = this;
    if (trainer === null) return;
    this.say(`trainer ${trainer.attempt} ends: ${ending.why}`);
    this.checkMissed(trainer);
    this.trainer = null;
    this.wedgeAt = NEVER;
    this.lastStep = null;
    this.corpse = { attempt: trainer.attempt, ending };
    this.later(this.rng.between(0.02, 0.5), () => this.tellEnd());
  }

  private tellEnd(): void {
    const { corpse } = this;
    if (corpse === null) return;
    this.corpse = null;
    const { exit, tail, oom_killed, artefact } = corpse.ending;
    this.feed({
      is: 'exited',
      job: JOB,
      attempt: corpse.attempt,
      ending: { exit, tail: [...tail], artefact, rebooted: false, oom_killed },
      from: this.newest(null),
      artefact_path: '/out/lora.safetensors',
    });
  }

  private newest(below: number | null) {
    const steps = this.saves.filter((step) => below === null || step < below);
    return steps.length === 0 ? null : this.checkpoint(Math.max(...steps));
  }

  // --- faults

  private fault(): void {
    const fault = this.plan.faults[this.faultAt];
    this.faultAt += 1;
    if (fault === undefined) return;
    const { seconds, ...about } = { seconds: null, ...fault };
    this.say(`fault ${fault.index}: ${JSON.stringify({ ...about, seconds })}`);
    const { trainer } = this;
    switch (fault.is) {
      case 'suspend':
        // The monotonic clock stands still, and so does everything that is measured on it.
        this.wall += fault.seconds;
        return this.jumped();
      case 'jump':
        this.wall += fault.seconds;
        return this.jumped();
      case 'daemon_stall':
        this.deafUntil = Math.max(this.deafUntil ?? 0, this.t + fault.seconds);
        return;
      case 'daemon_restart':
        return this.killDaemon(fault.seconds);
      case 'crash':
        return this.dies(ENDINGS[fault.kind]);
      case 'hang':
        if (fault.phase === null || fault.phase === 'step') return this.wedgeNow(fault);
        this.armed.push(fault);
        return this.maybeWedge();
      case 'stop':
        return this.stopTrainer();
      case 'storage':
        if (trainer === null || trainer.hang !== null || trainer.stopped_at !== null) return;
        trainer.count(this.t);
        if (fault.seconds < FOR_GOOD) return trainer.stall(this.t, fault.seconds);
        trainer.wedge(this.t, 'storage');
        return;
      default:
        trainer?.slowDown(this.t);
    }
  }

  private jumped(): void {
    this.tickAt = Math.min(this.tickAt, this.t + this.rng.next() * this.plan.poll);
  }

  private wedgeNow(fault: Extract<Fault, { is: 'hang' }>): void {
    const { trainer } = this;
    if (trainer === null || trainer.hang !== null || trainer.stopped_at !== null) return;
    const once = ONCE.includes(trainer.span.phase);
    trainer.wedge(this.t, once ? 'idle' : fault.flavour);
    this.armedAt = this.t;
    this.say(`trainer ${trainer.attempt} hangs in ${trainer.span.phase}`);
  }

  /** A hang meant for a phase comes when that phase does. */
  private maybeWedge(): void {
    const { trainer } = this;
    if (trainer === null || this.wedgeAt !== NEVER) return;
    const i = this.armed.findIndex(({ phase }) => phase === trainer.span.phase);
    if (i < 0) return;
    const [fault] = this.armed.splice(i, 1);
    if (fault === undefined) return;
    const { from, to } = trainer.span;
    this.wedge = fault;
    this.wedgeAt = Math.max(this.t, from + fault.part * (to - from));
  }

  private startHang(): void {
    this.wedgeAt = NEVER;
    if (this.wedge !== null) this.wedgeNow(this.wedge);
    this.wedge = null;
  }

  private stopTrainer(): void {
    const { trainer } = this;
    if (trainer === null || trainer.hang !== null || trainer.stopped_at !== null) return;
    trainer.stopBySignal(this.t);
    this.seeStopped(trainer);
  }

  private seeStopped(trainer: Trainer): void {
    this.later(this.rng.between(0.25, 0.5), () => {
      if (this.trainer !== trainer || trainer.stopped_at === null) return;
      this.feed({ is: 'process_state', job: JOB, attempt: trainer.attempt, letter: 'T' });
      this.seeStopped(trainer);
    });
  }

  // --- the daemon

  private hearAgain(): void {
    this.deafUntil = null;
    if (this.core.last === null) return this.comeUp();
    const beatFirst = this.rng.chance(0.5);
    if (beatFirst) this.tellAll();
    this.plainTick();
    if (!beatFirst) this.tellAll();
  }

  private killDaemon(seconds: number): void {
    this.daemon += 1;
    this.due = [];
    this.deafUntil = this.t + seconds;
    // What it knew beyond the journal is gone, and its clock has another origin.
    this.core = initialCore(this.core.state);
  }

  private comeUp(): void {
    this.origin = this.t - this.rng.between(0, 10);
    this.tickAt = this.t + this.plan.poll;
    this.told = '';
    this.feed({ is: 'daemon_up', pid: this.daemon, version: 'simulated', boot_id: 'boot' });
    this.plainTick();
  }

  private execute(command: Command): void {
    const { rng } = this;
    switch (command.do) {
      case 'prepare':
        return this.later(rng.between(0.05, 0.3), () =>
          this.feed({ is: 'prepared', job: JOB, from: this.newest(command.below) }),
        );
      case 'spawn':
        return this.later(rng.between(0.02, 0.1), () =>
          this.spawn(command.attempt, command.from?.step ?? 0),
        );
      case 'adopt':
        return this.later(rng.between(0.05, 0.3), () => this.adopt(command.attempt));
      case 'observe':
        return this.observe();
      case 'continue':
        return this.goOn();
      case 'evidence':
        return this.later(rng.between(0.3, 4), () => {
          const { job, attempt } = command;
          if (this.trainer?.attempt === attempt)
            this.feed({ is: 'evidence', job, attempt, path: '/e', files: 3, seconds: 1 });
        });
      case 'kill':
        return this.kill(command.attempt);
      case 'quarantine':
        this.saves = this.saves.filter((step) => step !== command.checkpoint.step);
        return;
      case 'make_room':
        return this.later(0.5, () => this.makeRoom());
    }
  }

  private spawn(attempt: number, from: number): void {
    this.trainer = new Trainer(
      this.plan,
      this.rng,
      attempt,
      from,
      this.t,
      this.passed,
      this.slowness,
    );
    const process = { pid: 10 + attempt, start_ticks: attempt, boot_id: 'boot' };
    this.feed({ is: 'spawned', job: JOB, attempt, shepherd: process, trainer: process });
    this.maybeWedge();
    this.tellPhases();
  }

  private adopt(attempt: number): void {
    if (this.corpse !== null) return this.tellEnd();
    if (this.trainer?.attempt !== attempt) return this.feed({ is: 'never_ran', job: JOB, attempt });
    this.armedAt = this.t;
    const process = { pid: 10 + attempt, start_ticks: attempt, boot_id: 'boot' };
    this.feed({ is: 'adopted', job: JOB, attempt, shepherd: process, trainer: process });
    this.tellAll();
    if (this.trainer?.stopped_at !== null && this.trainer !== null) this.seeStopped(this.trainer);
  }

  private observe(): void {
    const { trainer } = this;
    if (trainer === null) return;
    trainer.count(this.t);
    const { usage } = trainer;
    const doing = trainer.doing(this.t);
    // A look may fall between two waits; the daemon's own reading is seldom just then under way.
    const storage_wait = doing === 'storage' && !this.rng.chance(0.05);
    this.feed({
      is: 'outside',
      job: JOB,
      attempt: trainer.attempt,
      cpu_seconds: Math.floor(usage.cpu * 100) / 100,
      io_bytes: usage.io,
      log_bytes: usage.log,
      gpu_ratio: usage.gpu(doing),
      storage_wait,
    });
  }

  private goOn(): void {
    const { trainer } = this;
    if (trainer === null || trainer.stopped_at === null) return;
    this.stops.push(this.t - trainer.stopped_at);
    trainer.goOn(this.t);
    this.armedAt = this.t;
  }

  private kill(attempt: number): void {
    const { trainer } = this;
    if (trainer?.attempt !== attempt) return;
    if (trainer.hang?.flavour === 'storage') {
      return this.later(30, () =>
        this.feed({ is: 'unkillable', job: JOB, attempt, survivors: [11], why: 'state D' }),
      );
    }
    this.later(this.rng.between(0.1, 5), () => {
      if (this.trainer?.attempt !== attempt) return;
      this.feed({ is: 'killed', job: JOB, attempt, seconds: 1, escalated: false });
      this.dies(killedBy('SIGTERM'));
    });
  }

  private makeRoom(): void {
    const room = { free_bytes: 1e12, needed_bytes: 1e9, pruned: ['/out/old'], pruned_bytes: 1e9 };
    this.feed({ is: 'room', job: JOB, ...room });
  }

  // --- the account

  private happened(event: Event): void {
    if (this.trace !== null) this.say(JSON.stringify(event));
    switch (event.type) {
      case 'hang_confirmed':
        return this.confirmed(event.phase, event.why);
      case 'clocks_rearmed':
        this.armedAt = this.t;
        return;
      case 'job_finished':
        this.ended = 'finished';
        return;
      case 'job_failed':
        this.ended = 'gave_up';
        return;
      case 'trainer_unkillable':
        this.ended = 'host_bad';
        return;
      default:
    }
  }

  private confirmed(named: string, why: string): void {
    const { trainer } = this;
    if (trainer === null) return;
    const { hang } = trainer;
    if (hang === null) {
      this.falseKills.push(
        `at ${this.t.toFixed(1)} s in ${named}, while the trainer was in ${trainer.span.phase} (${trainer.doing(this.t)}): ${why}`,
      );
      return;
    }
    this.detections.push({
      phase: hang.phase,
      flavour: hang.flavour,
      seconds: this.t - hang.at,
      target: Math.max(10, 3 * hang.p99),
    });
    this.checkMissed(trainer);
  }

  private checkMissed(trainer: Trainer): void {
    const { hang } = trainer;
    if (hang === null) return;
    const { ceilings } = this.policy.hang;
    const unreported = !this.plan.trainer.reports && ONCE.includes(hang.phase);
    const ceiling = unreported ? Math.max(...Object.values(ceilings)) : ceilings[hang.phase];
    const late = this.t - Math.max(hang.at, this.armedAt) - ceiling - MARGIN;
    if (late > 0)
      this.missed.push(`in ${hang.phase} since ${hang.at.toFixed(1)} s (${hang.flavour})`);
  }

  private close(): void {
    if (this.trainer !== null && this.trainer.hang !== null && this.job?.run.at === 'running')
      this.checkMissed(this.trainer);
  }

  private account(): Account {
    const { plan, job } = this;
    const whole = this.ended !== 'finished' && plan.trainer.target === null;
    return {
      seed: plan.seed,
      seconds: this.t,
      false_kills: this.falseKills,
      missed_hangs: this.missed,
      detections: this.detections,
      stops: this.stops,
      suspicions: job?.tally.suspicions ?? 0,
      suspicions_self_resolved: job?.tally.self_resolved ?? 0,
      useful: whole ? this.useful : null,
      ideal: whole ? idealUseful(plan, 0) : null,
      ideal_paid: whole ? idealUseful(plan, startSeconds(plan, 2)) : null,
      lost_steps: job?.tally.lost_steps ?? 0,
      attempts: job?.attempt ?? 0,
      ended: this.ended,
      decisions: this.decisions,
    };
  }

  private say(what: string): void {
    this.trace?.(this.t, what);
  }
}
