import type { Event, Job } from '../../daemon/core/index.js';
import type { Account, Detection, Spent } from './account.js';
import { Gain } from './gain.js';
import { idealUseful } from './ideal.js';
import { BEFORE_STEPS } from './span.js';
import type { Trainer } from './trainer.js';
import type { World } from './world.js';

/** Beyond its ceiling a hang may last so many seconds longer: a look, a stall of the daemon. */
const MARGIN = 180;

/** The account of a night as it happens: where its seconds went, which hangs were found and when. */
export class Ledger {
  ended: Account['ended'] = 'morning';
  private readonly gain = new Gain();
  private readonly spent: Record<Spent, number> = {
    first_start: 0,
    useful: 0,
    again: 0,
    cut: 0,
    detection: 0,
    ending: 0,
    between: 0,
    start: 0,
    over: 0,
  };
  private marked = 0;
  private now: Spent = 'first_start';
  private armed_at = 0;
  private readonly false_kills: string[] = [];
  private readonly missed: string[] = [];
  private readonly detections: Detection[] = [];
  private readonly stops: number[] = [];

  constructor(
    private readonly world: World,
    private readonly trainer: () => Trainer | null,
  ) {}

  /** The daemon began to watch anew: nothing before can be held against it. */
  armed(): void {
    this.armed_at = this.world.t;
  }

  continued(seconds: number): void {
    this.stops.push(seconds);
    this.armed();
  }

  began(attempt: number): void {
    this.turn(attempt === 1 ? 'first_start' : 'start');
    this.gain.restart(null);
  }

  stepped(step: number, steps: number): void {
    const share = this.gain.stepped(this.world.t, step, steps);
    const seconds = this.world.t - this.marked;
    if (this.now === 'first_start' || this.now === 'start') return this.turn('useful');
    this.spent.useful += seconds * share;
    this.spent.again += seconds * (1 - share);
    this.marked = this.world.t;
  }

  hung(): void {
    this.cut();
    this.turn('detection');
    this.armed();
  }

  died(trainer: Trainer): void {
    this.checkMissed(trainer);
    this.cut();
    this.turn('between');
  }

  happened(event: Event): void {
    switch (event.type) {
      case 'hang_confirmed':
        return this.confirmed(event.phase, event.why);
      case 'clocks_rearmed':
        return this.armed();
      case 'job_finished':
        return this.end('finished');
      case 'job_failed':
        return this.end('gave_up');
      case 'trainer_unkillable':
        return this.end('host_bad');
      default:
    }
  }

  /** What was begun after the last step is lost. */
  private cut(): void {
    if (this.now === 'useful') this.now = 'cut';
  }

  private end(how: Account['ended']): void {
    this.ended = how;
    this.turn('over');
  }

  /** What follows is time of another kind. */
  private turn(next: Spent): void {
    this.spent[this.now] += this.world.t - this.marked;
    this.marked = this.world.t;
    this.now = next;
  }

  private confirmed(named: string, why: string): void {
    const trainer = this.trainer();
    if (trainer === null) return;
    const { t } = this.world;
    const { hang, span } = trainer;
    this.turn('ending');
    if (hang === null) {
      const doing = trainer.doing(t);
      this.false_kills.push(
        `at ${t.toFixed(1)} s in ${named}, while the trainer was in ${span.phase} (${doing}): ${why}`,
      );
      return;
    }
    const { phase, flavour, told, progress_at, p99 } = hang;
    const seconds = t - progress_at;
    this.detections.push({
      phase,
      flavour,
      told,
      at: hang.at,
      seconds,
      target: Math.max(10, 3 * p99),
    });
    this.checkMissed(trainer);
  }

  private checkMissed({ hang }: Trainer): void {
    if (hang === null) return;
    const { plan, policy, t } = this.world;
    const { ceilings } = policy.hang;
    const untold = !plan.trainer.reports && BEFORE_STEPS.has(hang.phase);
    // A save that was left open is credited with all it may take.
    const open = plan.trainer.leaves_open ? ceilings.checkpoint : 0;
    const ceiling = untold ? Math.max(...Object.values(ceilings)) : ceilings[hang.phase] + open;
    if (t - Math.max(hang.at, this.armed_at) <= ceiling + MARGIN) return;
    this.missed.push(`in ${hang.phase} since ${hang.at.toFixed(1)} s (${hang.flavour})`);
  }

  /** The night is over. */
  account(job: Job | undefined, decisions: number): Account {
    const trainer = this.trainer();
    if (trainer !== null && job?.run.at === 'running') this.checkMissed(trainer);
    const { plan, t } = this.world;
    this.cut();
    this.turn('over');
    this.spent.over += plan.seconds - t;
    return {
      seed: plan.seed,
      seconds: t,
      false_kills: this.false_kills,
      missed_hangs: this.missed,
      detections: this.detections,
      stops: this.stops,
      suspicions: job?.tally.suspicions ?? 0,
      suspicions_self_resolved: job?.tally.self_resolved ?? 0,
      useful: this.spent.useful,
      ideal:
        plan.trainer.target === null
          ? { free: idealUseful(plan, false), paying: idealUseful(plan, true) }
          : null,
      spent: this.spent,
      lost_steps: job?.tally.lost_steps ?? 0,
      attempts: job?.attempt ?? 0,
      ended: this.ended,
      decisions,
    };
  }
}
