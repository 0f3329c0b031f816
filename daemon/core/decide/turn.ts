import type { Entry, Event } from '../events.js';
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
  /** Jobs whose checkpoint is being looked for, so that it is asked for once. */
  readonly preparing: readonly string[];
  readonly last: Now | null;
}

export const initialCore = (state: State = initialState): Core => ({
  state,
  watches: {},
  preparing: [],
  last: null,
});

/**
 * One decision in the making: collects events and commands, folding each event as it is emitted, so
 * that what follows is decided on the state that the journal will rebuild.
 */
export class Turn {
  readonly events: Event[] = [];
  readonly commands: Command[] = [];
  private seq: number;

  constructor(
    private core: Core,
    readonly now: Now,
    readonly policy: Policy,
  ) {
    this.seq = core.state.seq;
  }

  get state(): State {
    return this.core.state;
  }

  job(name: string): Job | undefined {
    return this.core.state.jobs[name];
  }

  watch(name: string): Watch | undefined {
    return this.core.watches[name];
  }

  emit(event: Event): void {
    this.events.push(event);
    this.seq += 1;
    const entry = { ...event, seq: this.seq, time: this.now.wall } as Entry;
    this.core = { ...this.core, state: reduce(this.core.state, entry) };
  }

  command(command: Command): void {
    this.commands.push(command);
  }

  setWatch(name: string, watch: Watch | null): void {
    const { [name]: _old, ...others } = this.core.watches;
    this.core = { ...this.core, watches: watch === null ? others : { ...others, [name]: watch } };
  }

  /** Asks for the checkpoint to start from, once. */
  prepare(name: string): void {
    if (this.core.preparing.includes(name)) return;
    this.core = { ...this.core, preparing: [...this.core.preparing, name] };
    this.command({ do: 'prepare', job: name });
  }

  prepared(name: string): void {
    this.core = { ...this.core, preparing: this.core.preparing.filter((job) => job !== name) };
  }

  get last(): Now | null {
    return this.core.last;
  }

  done(ticked: boolean): Core {
    return ticked ? { ...this.core, last: this.now } : this.core;
  }
}
