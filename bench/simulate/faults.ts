import { ENDINGS } from './endings.js';
import type { Ledger } from './ledger.js';
import type { Machine } from './machine.js';
import { type Fault, FOR_GOOD } from './plan.js';
import { ONCE } from './span.js';
import type { Supervisor } from './supervisor.js';
import { NEVER, say, type World } from './world.js';

type HangFault = Extract<Fault, { is: 'hang' }>;

/** What goes wrong in a night, at its time or in the phase it is meant for. */
export class Faults {
  private at = 0;
  /** Hangs that wait for their phase, and the one whose phase has come. */
  private readonly waiting: HangFault[] = [];
  private coming: {
    readonly fault: HangFault;
    readonly at: number;
    readonly attempt: number;
  } | null = null;

  constructor(
    private readonly world: World,
    private readonly machine: Machine,
    private readonly daemon: Supervisor,
    private readonly ledger: Ledger,
  ) {}

  get next_fault(): number {
    return this.world.plan.faults[this.at]?.at ?? NEVER;
  }

  get next_hang(): number {
    return this.coming?.at ?? NEVER;
  }

  /** The next fault of the plan comes. */
  strike(): void {
    const fault = this.world.plan.faults[this.at];
    this.at += 1;
    if (fault === undefined) return;
    if (this.world.trace !== null)
      say(this.world, `fault ${fault.index}: ${JSON.stringify(fault)}`);
    const { machine, daemon, world } = this;
    const { trainer } = machine;
    switch (fault.is) {
      case 'suspend':
      case 'jump':
        return daemon.jump(fault.seconds);
      case 'daemon_stall':
        return daemon.standStill(fault.seconds);
      case 'daemon_restart':
        return daemon.die(fault.seconds);
      case 'crash':
        // What waits for storage that is gone does not even die.
        if (trainer?.hang?.flavour === 'storage') return;
        return machine.dies(ENDINGS[fault.kind]);
      case 'hang':
        if (fault.phase === null || fault.phase === 'step') return this.wedge(fault);
        this.waiting.push(fault);
        return this.phaseBegins();
      case 'stop':
        return machine.stop();
      case 'storage':
        if (trainer === null || trainer.hang !== null || trainer.stopped_at !== null) return;
        if (fault.seconds < FOR_GOOD) return trainer.stall(world.t, fault.seconds);
        trainer.wedge(world.t, 'storage');
        return this.ledger.hung();
      default:
        trainer?.slowDown(world.t);
    }
  }

  /** A hang meant for a phase comes when that phase does. */
  phaseBegins(): void {
    const { trainer } = this.machine;
    if (this.coming !== null && this.coming.attempt !== trainer?.attempt) this.coming = null;
    if (trainer === null || this.coming !== null || this.waiting.length === 0) return;
    const i = this.waiting.findIndex(({ phase }) => phase === trainer.span.phase);
    if (i < 0) return;
    const [fault] = this.waiting.splice(i, 1);
    if (fault === undefined) return;
    const { from, to } = trainer.span;
    const at = Math.max(this.world.t, from + fault.part * (to - from));
    this.coming = { fault, at, attempt: trainer.attempt };
    this.daemon.reconsider();
  }

  hang(): void {
    const { coming } = this;
    this.coming = null;
    if (coming !== null && coming.attempt === this.machine.trainer?.attempt)
      this.wedge(coming.fault);
  }

  private wedge(fault: HangFault): void {
    const { trainer } = this.machine;
    if (trainer === null || trainer.hang !== null || trainer.stopped_at !== null) return;
    trainer.wedge(this.world.t, ONCE.has(trainer.span.phase) ? 'idle' : fault.flavour);
    this.ledger.hung();
    say(this.world, `trainer ${trainer.attempt} hangs in ${trainer.span.phase}`);
  }
}
