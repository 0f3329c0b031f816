import {
  type Core,
  decide,
  type Entry,
  type Event,
  fold,
  initialCore,
  type MailEvent,
  type MailKind,
  type State,
} from '../../../daemon/core/index.js';
import { policy, ref, spec } from '../../core/night.js';

export const ALL: readonly MailKind[] = [
  'hang',
  'gave_up',
  'permanent',
  'host_bad',
  'held',
  'finished',
];

/** An engine over the core with a journal in memory: facts in, mail decided by the core itself. The
 * clock is the test's. */
export class Board {
  wall = 1_700_000_000;
  readonly entries: Entry[] = [];
  private core: Core = initialCore();
  private readonly listeners = new Set<(entry: Entry) => void>();
  private watched: { wanted: (entry: Entry) => boolean; found: (entry: Entry) => void }[] = [];

  get state(): State {
    return this.core.state;
  }

  /** What happened, as the core would have said it. */
  happened(...events: Event[]): this {
    this.append(events);
    const state = fold(this.entries.slice(this.entries.length - events.length), this.state);
    this.core = { ...this.core, state };
    this.tell(events.length);
    return this;
  }

  observe = async (seen: { is: 'mail'; event: MailEvent }): Promise<void> => {
    const decision = decide(this.core, seen, { mono: this.wall, wall: this.wall }, policy);
    this.append(decision.events);
    this.core = decision.core;
    this.tell(decision.events.length);
  };

  subscribe = (listener: (entry: Entry) => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** The first entry from now on that is `wanted`. */
  comes(wanted: (entry: Entry) => boolean): Promise<Entry> {
    return new Promise((found) => this.watched.push({ wanted, found }));
  }

  type<T extends Entry['type']>(type: T): Extract<Entry, { type: T }>[] {
    return this.entries.filter(
      (entry): entry is Extract<Entry, { type: T }> => entry.type === type,
    );
  }

  /** As a daemon finds it that was started anew: from the lines of the journal. */
  reborn(): Board {
    const next = new Board();
    next.wall = this.wall;
    next.entries.push(...(JSON.parse(JSON.stringify(this.entries)) as Entry[]));
    next.core = initialCore(fold(next.entries));
    return next;
  }

  private append(events: readonly Event[]): void {
    for (const event of events)
      this.entries.push({ ...event, seq: this.entries.length + 1, time: this.wall });
  }

  private tell(count: number): void {
    for (const entry of this.entries.slice(this.entries.length - count)) {
      for (const listener of [...this.listeners]) listener(entry);
      const met = this.watched.filter(({ wanted }) => wanted(entry));
      this.watched = this.watched.filter((one) => !met.includes(one));
      for (const { found } of met) found(entry);
    }
  }
}

export const on = (kinds: readonly MailKind[] = ALL): Event => ({ type: 'mail_configured', kinds });

export const started = (job = 'lora', attempt = 1): Event[] => [
  { type: 'job_queued', job, spec: spec({ name: job }) },
  { type: 'attempt_starting', job, attempt, reason: 'start', from: null, lost_steps: 0 },
  { type: 'attempt_started', job, attempt, shepherd: ref(10), trainer: ref(11) },
];

export const hung = (job = 'lora', attempt = 1): Event => ({
  type: 'hang_confirmed',
  job,
  attempt,
  phase: 'step',
  silent_seconds: 12,
  why: 'no progress',
});

/** From the evidence to the first step of the next attempt. */
export const recovered = (job = 'lora', attempt = 1): Event[] => [
  { type: 'evidence_saved', job, attempt, path: `/e/${attempt}`, files: 3, seconds: 1 },
  { type: 'trainer_killed', job, attempt, seconds: 1, escalated: false },
  {
    type: 'attempt_ended',
    job,
    attempt,
    exit: null,
    cause: 'hang',
    reason: 'no progress for 12 s',
    signature: 'hang',
  },
  {
    type: 'attempt_starting',
    job,
    attempt: attempt + 1,
    reason: 'hang',
    from: { step: 30, path: '/c/30', bytes: 1 },
    lost_steps: 4,
  },
  {
    type: 'attempt_started',
    job,
    attempt: attempt + 1,
    shepherd: ref(20),
    trainer: ref(21),
  },
  { type: 'recovered', job, attempt: attempt + 1, cause: 'hang', seconds: 9, lost_steps: 4 },
];

export const finished = (job = 'lora'): Event => ({
  type: 'job_finished',
  job,
  step: 100,
  artefact: '/out/lora.safetensors',
});

export const failed = (cause: 'crash' | 'permanent' | 'oom' = 'crash', job = 'lora'): Event => ({
  type: 'job_failed',
  job,
  cause,
  reason: 'It broke',
  remedy: 'Mend it.',
});

export const holds = (
  cause: 'disk_full' | 'host_bad' | 'network' = 'disk_full',
  job = 'lora',
): Event => ({
  type: 'job_holding',
  job,
  cause,
  reason: 'No room',
  remedy: 'Make some.',
});
