import type { Command, Phase } from '../../daemon/core/index.js';
import { ENDINGS, type Ending, killedBy } from './endings.js';
import type { Ledger } from './ledger.js';
import type { Slowness } from './span.js';
import type { Supervisor } from './supervisor.js';
import { Trainer } from './trainer.js';
import { p99Of } from './typical.js';
import { JOB, say, type World } from './world.js';

/** A piece of steps changes the budgets at its end only. Where they rest on the history rather than
 * on the floor, pieces are no longer than the history remembers things for. */
const PIECE = 60;
const FLOORED = 1.5;
/** Looks that are not skipped are never so many seconds apart. */
const SKIPPED = 6;

/** The machine that the daemon watches: the trainer on it, its checkpoints, and the edges, which tell
 * of them and carry out what the core commands. */
export class Machine {
  trainer: Trainer | null = null;
  private corpse: { attempt: number; ending: Ending } | null = null;
  private saves: number[] = [];
  private told = '';
  private looked_at = 0;
  private readonly passed = new Map<Phase, number>();
  private daemon!: Supervisor;

  constructor(
    private readonly world: World,
    private readonly ledger: Ledger,
    private readonly slowness: (at: number) => Slowness,
  ) {}

  watchedBy(daemon: Supervisor): void {
    this.daemon = daemon;
  }

  get moves(): boolean {
    return this.trainer !== null && this.trainer.stopped_at === null && !this.trainer.done;
  }

  /** The present span is over; the next may not go beyond `limit`. */
  spanEnds(limit: number): void {
    const { trainer } = this;
    if (trainer === null) return;
    const { span } = trainer;
    trainer.advance(this.quiet(trainer), limit);
    if (span.phase === 'checkpoint') this.saved(trainer.step);
    if (span.steps > 0) this.ledger.stepped(trainer.step, span.steps);
    if (trainer.done) return this.dies(ENDINGS.done);
    if (this.daemon.deaf_until !== null) return;
    if (span.steps > 1) {
      const { step, attempt } = trainer;
      const seconds = span.to - span.from;
      this.daemon.feed({
        is: 'steps',
        job: JOB,
        attempt,
        step,
        seconds,
        bins: span.bins?.() ?? {},
      });
      this.tellPhases();
    } else if (span.steps === 1 && this.world.rng.chance(0.5)) {
      this.beat(trainer.step, null);
      this.tellPhases();
    } else if (span.steps === 1) this.tellAll();
    else if (!this.tellPhases()) this.daemon.reconsider();
  }

  private quiet({ plan, attempt }: Trainer) {
    const { hang } = this.world.policy;
    const slow = this.slowness(this.world.t).factor;
    const tail = p99Of('step', plan.trainer, attempt) * slow;
    const floored = tail * hang.factor * FLOORED < hang.floor_seconds;
    return {
      anyhow: this.daemon.quiet(false),
      busy: this.daemon.quiet(true),
      piece: floored ? Number.POSITIVE_INFINITY : PIECE,
    };
  }

  private saved(step: number): void {
    this.saves.push(step);
    this.tellSave(step);
  }

  private tellSave(step: number): void {
    this.daemon.later(this.world.rng.between(1, 4), () => {
      if (this.saves.includes(step))
        this.daemon.feed({ is: 'checkpoint', job: JOB, checkpoint: checkpoint(step) });
    });
  }

  private newest(below: number | null) {
    const steps = this.saves.filter((step) => below === null || step < below);
    return steps.length === 0 ? null : checkpoint(Math.max(...steps));
  }

  private beat(step: number | null, phases: readonly string[] | null): void {
    const { trainer } = this;
    if (trainer === null) return;
    const beat = { step, total: null, epoch: null, loss: null, phases };
    this.daemon.feed({ is: 'beat', job: JOB, attempt: trainer.attempt, beat });
  }

  /** Whether there was anything new to tell. */
  private tellPhases(): boolean {
    const phases = this.trainer?.phases() ?? null;
    if (phases === null || this.trainer === null) return false;
    const text = `${this.trainer.attempt} ${phases.join(' ')}`;
    if (text === this.told) return false;
    this.told = text;
    this.beat(null, phases);
    return true;
  }

  /** What a heartbeat file holds: the latest of everything. */
  tellAll(): void {
    const { trainer } = this;
    if (trainer === null) return;
    const phases = trainer.phases();
    this.told = phases === null ? '' : `${trainer.attempt} ${phases.join(' ')}`;
    this.beat(trainer.step > trainer.from ? trainer.step : null, phases);
  }

  /** Another daemon: it has been told of nothing yet. */
  forgotten(): void {
    this.told = '';
    const newest = this.newest(null);
    if (newest !== null) this.tellSave(newest.step);
  }

  dies(ending: Ending): void {
    const { trainer } = this;
    if (trainer === null) return;
    say(this.world, `trainer ${trainer.attempt} ends: ${ending.why}`);
    this.ledger.died(trainer);
    this.trainer = null;
    this.corpse = { attempt: trainer.attempt, ending };
    this.daemon.later(this.world.rng.between(0.02, 0.5), () => this.tellEnd());
  }

  private tellEnd(): void {
    const { corpse } = this;
    if (corpse === null) return;
    this.corpse = null;
    const { exit, tail, oom_killed, artefact } = corpse.ending;
    this.daemon.feed({
      is: 'exited',
      job: JOB,
      attempt: corpse.attempt,
      ending: { exit, tail: [...tail], artefact, rebooted: false, oom_killed },
      from: this.newest(null),
      artefact_path: '/out/lora.safetensors',
    });
  }

  stop(): void {
    const { trainer } = this;
    if (trainer === null || trainer.hang !== null || trainer.stopped_at !== null) return;
    trainer.stopBySignal(this.world.t);
    this.seeStopped(trainer);
  }

  private seeStopped(trainer: Trainer): void {
    this.daemon.later(this.world.rng.between(0.25, 0.5), () => {
      if (this.trainer !== trainer || trainer.stopped_at === null) return;
      this.daemon.feed({ is: 'process_state', job: JOB, attempt: trainer.attempt, letter: 'T' });
      this.seeStopped(trainer);
    });
  }

  execute(command: Command): void {
    const { world, daemon } = this;
    const { rng } = world;
    switch (command.do) {
      case 'prepare':
        return daemon.later(rng.between(0.05, 0.3), () =>
          daemon.feed({ is: 'prepared', job: JOB, from: this.newest(command.below) }),
        );
      case 'spawn':
        return daemon.later(rng.between(0.02, 0.1), () =>
          this.spawn(command.attempt, command.from?.step ?? 0),
        );
      case 'adopt':
        return daemon.later(rng.between(0.05, 0.3), () => this.adopt(command.attempt));
      case 'observe':
        return this.observe();
      case 'continue':
        return this.goOn();
      case 'evidence':
        return daemon.later(rng.between(0.3, 4), () => {
          const { job, attempt } = command;
          if (this.trainer?.attempt === attempt)
            daemon.feed({ is: 'evidence', job, attempt, path: '/e', files: 3, seconds: 1 });
        });
      case 'kill':
        return this.kill(command.attempt);
      case 'quarantine':
        this.saves = this.saves.filter((step) => step !== command.checkpoint.step);
        return;
      case 'make_room':
        return daemon.later(0.5, () => daemon.feed({ is: 'room', job: JOB, ...ROOM }));
    }
  }

  private spawn(attempt: number, from: number): void {
    const { world } = this;
    const begin = { attempt, from, now: world.t, warm: false };
    this.trainer = new Trainer(world.plan, world.rng, begin, this.passed, this.slowness);
    this.ledger.began(attempt);
    const process = { pid: 10 + attempt, start_ticks: attempt, boot_id: 'boot' };
    this.daemon.feed({ is: 'spawned', job: JOB, attempt, shepherd: process, trainer: process });
    this.tellPhases();
  }

  private adopt(attempt: number): void {
    if (this.corpse !== null) return this.tellEnd();
    const { trainer } = this;
    if (trainer?.attempt !== attempt)
      return this.daemon.feed({ is: 'never_ran', job: JOB, attempt });
    this.ledger.armed();
    const process = { pid: 10 + attempt, start_ticks: attempt, boot_id: 'boot' };
    this.daemon.feed({ is: 'adopted', job: JOB, attempt, shepherd: process, trainer: process });
    this.tellAll();
    if (trainer.stopped_at !== null) this.seeStopped(trainer);
  }

  private observe(): void {
    const { trainer, world } = this;
    if (trainer === null) return;
    trainer.count(world.t);
    const { usage } = trainer;
    const doing = trainer.doing(world.t);
    // A look may fall between two waits; the daemon's own reading is seldom just then under way. One
    // that comes after many were skipped stands for them too.
    const between = world.rng.chance(0.05) && world.t - this.looked_at < SKIPPED;
    this.looked_at = world.t;
    this.daemon.feed({
      is: 'outside',
      job: JOB,
      attempt: trainer.attempt,
      cpu_seconds: Math.floor(usage.cpu * 100) / 100,
      io_bytes: usage.io,
      log_bytes: usage.log,
      gpu_ratio: usage.gpu(doing),
      storage_wait: doing === 'storage' && !between,
    });
  }

  private goOn(): void {
    const { trainer, world } = this;
    if (trainer === null || trainer.stopped_at === null) return;
    this.ledger.continued(world.t - trainer.stopped_at);
    trainer.goOn(world.t);
  }

  private kill(attempt: number): void {
    const { trainer, daemon, world } = this;
    if (trainer?.attempt !== attempt) return;
    if (trainer.hang?.flavour === 'storage') {
      const survivors = [10 + attempt];
      return daemon.later(30, () =>
        daemon.feed({ is: 'unkillable', job: JOB, attempt, survivors, why: 'state D' }),
      );
    }
    daemon.later(world.rng.between(0.1, 5), () => {
      if (this.trainer?.attempt !== attempt) return;
      daemon.feed({ is: 'killed', job: JOB, attempt, seconds: 1, escalated: false });
      this.dies(killedBy('SIGTERM'));
    });
  }
}

const ROOM = { free_bytes: 1e12, needed_bytes: 1e9, pruned: ['/out/old'], pruned_bytes: 1e9 };
const checkpoint = (step: number) => ({ step, path: `/out/step-${step}`, bytes: 1e8 });
