import {
  type Command,
  type Core,
  decide,
  type Entry,
  type Event,
  initialCore,
  isDurable,
  type Now,
  type Observation,
  type Policy,
  refuse,
  type State,
  type Status,
  statusOf,
} from '../core/index.js';
import type { Health, Journal } from '../journal/index.js';
import { cleaned } from './clean.js';

export type Request = Extract<Observation, { is: 'queue' | 'stop' | 'resume' | 'follow_up' }>;
type Listener = (entry: Entry, state: State) => void;

export interface Engine {
  readonly state: State;
  status(): Status;
  /** A person's request. Refused ones change nothing and come back with words for that person;
   * accepted ones resolve when they are on disk. */
  request(seen: Request): Promise<{ ok: true } | { ok: false; error: string }>;
  /** What an edge saw. Resolves when the events it led to are written. */
  observe(seen: Observation): Promise<void>;
  subscribe(listener: Listener): () => void;
  /** performance.now() of the last finished turn. */
  readonly lastTurn: number;
  readonly journalHealth: Health;
}

export interface EngineOptions {
  readonly journal: Journal<Event, State>;
  readonly state: State;
  readonly policy: Policy;
  readonly clock: () => Now;
  /** Tells the journal what time the entries of this turn bear, so that the fold in memory and the
   * one from disk are the same to the last digit. */
  readonly stamp: (wall: number) => void;
  /** Carries a command out. It comes only when the events it follows from are on disk. */
  readonly execute: (command: Command) => void;
  readonly compactBytes: number;
  readonly onError: (doing: string, error: Error) => void;
}

/**
 * The one loop of the daemon: observation in, events to the journal and to the readers, commands to
 * the edges. While the disk refuses the journal nothing is commanded, so a training that runs goes
 * on untouched; everything waits in memory and is carried out when the journal has caught up.
 */
export function createEngine(options: EngineOptions): Engine {
  const { journal } = options;
  const listeners = new Set<Listener>();
  let core: Core = initialCore(options.state);
  let lastTurn = performance.now();
  let compacting = false;

  const tell = (entry: Entry): void => {
    for (const listener of listeners) {
      try {
        listener(entry, core.state);
      } catch (error) {
        // A reader that fails must not stop the night.
        options.onError(`telling of ${entry.type}`, error as Error);
      }
    }
  };

  const compactIfDue = (): void => {
    if (compacting || journal.bytes < options.compactBytes || journal.health.state !== 'ok') return;
    compacting = true;
    journal
      .compact(core.state)
      .catch((error: Error) => options.onError('compacting the journal', error))
      .finally(() => {
        compacting = false;
      });
  };

  const observe = async (seen: Observation): Promise<void> => {
    const now = options.clock();
    const decision = decide(core, cleaned(seen), now, options.policy);
    core = decision.core;
    lastTurn = performance.now();
    let flushed: Promise<void> = Promise.resolve();
    if (decision.events.length > 0) {
      options.stamp(now.wall);
      const durable = decision.events.some(isDurable);
      const appended = journal.append(decision.events, { durable });
      flushed = appended.flushed;
      for (const entry of appended.entries) tell(entry as Entry);
      compactIfDue();
      await flushed;
    }
    for (const command of decision.commands) options.execute(command);
  };

  return {
    get state() {
      return core.state;
    },
    get lastTurn() {
      return lastTurn;
    },
    get journalHealth() {
      return journal.health;
    },
    status: () => statusOf(core.state, options.clock().wall, true),
    observe,
    async request(seen) {
      const error = refuse(core.state, seen);
      if (error !== null) return { ok: false, error };
      await observe(seen);
      return { ok: true };
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
