import type { Entry, Event } from '../events.js';
import type { Looks } from '../looks.js';
import type { Command } from '../observations.js';
import type { Policy } from '../policy.js';
import { reduce } from '../reduce.js';
import { initialState, type Job, type State } from '../state.js';
import type { Now } from '../time.js';
import type { Watch } from '../watch.js';

/** The whole of what decisions rest on: the fold over the journal, and the clocks that die with the
 * process. */
export interface Core {
  readonly state: State;
  readonly watches: Readonly<Record<string, Watch>>;
  /** What was seen from outside of stretches without progress that are not over yet. */
  readonly looks: Readonly<Record<string, Looks>>;
  /** Jobs whose checkpoint is being looked for, so that it is asked for once. */
  readonly preparing: readonly string[];
  /** Monotonic seconds at which a holding job was last seen to. */
  readonly asked: Readonly<Record<string, number>>;
  readonly last: Now | null;
}

export const initialCore = (state: State = initialState): Core => ({
  state,
  watches: {},
  looks: {},
  preparing: [],
  asked: {},
  last: null,
});

/**
 * One decision in the making: collects events and commands, folding each event as it is emitted, so
 * that what follows is decided on the state that the journal will rebuild.
 */
export class Turn {
  readonly events: Event[] = [];
  readonly commands: Command[] = [];
  state: State;
  /** Copied before the first change; many turns change nothing. */
  private watches: Record<string, Watch>;
  private seq: number;

  constructor(
    private core: Core,
    readonly now: Now,
    readonly policy: Policy,
  ) {
    this.state = core.state;
    this.watches = core.watches;
    this.seq = core.state.seq;
  }

  job(name: string): Job | undefined {
    return this.state.jobs[name];
  }

  watch(name: string): Watch | undefined {
    return this.watches[name];
  }

  emit(event: Event): void {
    this.events.push(event);
    this.seq += 1;
    // Not a spread: adding keys to a spread copy costs V8 11 (Node 20) ten times as much.
    const entry = Object.assign({}, event, { seq: this.seq, time: this.now.wall }) as Entry;
    this.state = reduce(this.state, entry);
  }

  command(command: Command): void {
    this.commands.push(command);
  }

  setWatch(name: string, watch: Watch | null): void {
    if (this.watches === this.core.watches) this.watches = { ...this.watches };
    if (watch === null) delete this.watches[name];
    else this.watches[name] = watch;
  }

  get looks(): Readonly<Record<string, Looks>> {
    return this.core.looks;
  }

  setLooks(name: string, looks: Looks | null): void {
    const all: Record<string, Looks> = { ...this.core.looks };
    if (looks === null) delete all[name];
    else all[name] = looks;
    this.core = { ...this.core, looks: all };
  }

  /** Asks for the checkpoint to start from, once; after a NaN, for one from before its onset. */
  prepare(name: string): void {
    // Nothing is begun on a machine that is taken away: the next daemon's first tick asks again.
    if (this.state.leaving) return;
    if (this.core.preparing.includes(name)) return;
    this.core = { ...this.core, preparing: [...this.core.preparing, name] };
    const job = this.job(name);
    const below = job?.next_reason === 'nan' ? job.nan_onset : null;
    this.command({ do: 'prepare', job: name, below });
  }

  prepared(name: string): void {
    this.core = { ...this.core, preparing: this.core.preparing.filter((job) => job !== name) };
  }

  /** True when this was not asked for within the last `seconds`; notes that it is now. */
  due(what: string, seconds: number): boolean {
    const before = this.core.asked[what];
    if (before !== undefined && this.now.mono - before < seconds) return false;
    this.core = { ...this.core, asked: { ...this.core.asked, [what]: this.now.mono } };
    return true;
  }

  get last(): Now | null {
    return this.core.last;
  }

  done(ticked: boolean): Core {
    const { core, state, watches } = this;
    const last = ticked ? this.now : core.last;
    if (state === core.state && watches === core.watches && last === core.last) return core;
    const { looks, preparing, asked } = core;
    return { state, watches, looks, preparing, asked, last };
  }
}
