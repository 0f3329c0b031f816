import type { Policy } from '../../daemon/core/index.js';
import type { Account } from './account.js';
import { Faults } from './faults.js';
import { Ledger } from './ledger.js';
import { Machine } from './machine.js';
import type { Plan } from './plan.js';
import { Rng } from './rng.js';
import { slownessOf } from './slowness.js';
import { Supervisor } from './supervisor.js';
import type { Outlooks } from './trainer.js';
import { JOB, NEVER, say, type Trace, type World } from './world.js';

/** Plays one night: the real core against the model, on a clock that jumps to the next thing that
 * can matter. */
export function playNight(plan: Plan, policy: Policy, trace: Trace | null): Account {
  return new Night({ plan, policy, trace, rng: new Rng(plan.seed, 2), t: 0 }).play();
}

class Night {
  private readonly ledger: Ledger;
  private readonly machine: Machine;
  private readonly daemon: Supervisor;
  private readonly faults: Faults;

  constructor(private readonly world: World) {
    this.ledger = new Ledger(world, () => this.machine.trainer);
    this.machine = new Machine(world, this.ledger, slownessOf(world.plan.faults));
    this.daemon = new Supervisor(world, {
      happened: (event) => {
        if (world.trace !== null) say(world, JSON.stringify(event));
        this.ledger.happened(event);
      },
      execute: (command) => this.machine.execute(command),
      outlook: () => this.outlook(),
    });
    this.machine.watchedBy(this.daemon);
    this.faults = new Faults(world, this.machine, this.daemon, this.ledger);
  }

  play(): Account {
    const { trainer } = this.world.plan;
    this.daemon.feed({ is: 'daemon_up', pid: 1, version: 'simulated', boot_id: 'boot' });
    const has_artefact = true;
    const spec = { name: JOB, trainer: 'command', target_step: trainer.target, has_artefact };
    this.daemon.feed({ is: 'queue', spec: { ...spec, plan: null, profile: 'simulated' } });
    while (this.ledger.ended === 'morning' && this.turn());
    return this.ledger.account(this.daemon.job, this.daemon.decisions);
  }

  /** The next thing that happens; false when the night is over. */
  private turn(): boolean {
    const { daemon, faults, machine, world } = this;
    const { moves, trainer } = machine;
    const span = moves && trainer !== null ? trainer.span.to : NEVER;
    const fault = faults.next_fault;
    const hang = moves ? faults.next_hang : NEVER;
    const deaf = daemon.deaf_until;
    const due = deaf === null ? daemon.next_due : NEVER;
    // A piece is told when it is over; the ticks in between are those of a trainer that steps on.
    const inPiece = moves && trainer !== null && trainer.span.steps > 1;
    const tick = deaf !== null || inPiece ? NEVER : daemon.tick_at;
    const next = Math.min(span, fault, hang, due, tick, deaf ?? NEVER);
    if (next >= world.plan.seconds) {
      world.t = world.plan.seconds;
      return false;
    }
    world.t = Math.max(world.t, next);
    if (next === fault) {
      faults.strike();
      daemon.reconsider();
    } else if (next === hang) faults.hang();
    else if (next === span) machine.spanEnds(Math.min(fault, deaf ?? NEVER, world.plan.seconds));
    else if (next === deaf) this.hearAgain();
    else if (next === due) daemon.carryOut();
    else daemon.tick();
    faults.phaseBegins();
    return true;
  }

  private hearAgain(): void {
    const { daemon, machine } = this;
    daemon.deaf_until = null;
    if (daemon.core.last === null) {
      machine.forgotten();
      return daemon.comeUp();
    }
    const beatFirst = this.world.rng.chance(0.5);
    if (beatFirst) machine.tellAll();
    daemon.plainTick();
    if (!beatFirst) machine.tellAll();
  }

  private outlook(): Outlooks {
    const { faults, machine, world } = this;
    const { trainer } = machine;
    if (trainer === null) return { is: 'anything', until: world.t };
    const { is, until } = trainer.outlook(world.t);
    return { is, until: Math.min(until, faults.next_fault, faults.next_hang) };
  }
}
