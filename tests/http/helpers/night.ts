import {
  type Entry,
  type Event,
  fold,
  refuse,
  type State,
  statusOf,
} from '../../../daemon/core/index.js';
import type { HttpEngine } from '../../../daemon/http/index.js';

export const spec = (name: string) => ({
  name,
  trainer: 'command',
  target_step: 500,
  has_artefact: true,
  plan: null,
  profile: 'p',
});

const process = (pid: number) => ({ pid, start_ticks: pid * 10, boot_id: 'b' });

/** A night with a bit of everything, as the journal would hold it: one event a second from 1,000 on. */
export function night(job: string): Event[] {
  const from = { step: 100, path: 'ckpt/step-100', bytes: 4096 };
  return [
    { type: 'job_queued', job, spec: spec(job) },
    { type: 'attempt_starting', job, attempt: 1, reason: 'start', from: null, lost_steps: 0 },
    { type: 'attempt_started', job, attempt: 1, shepherd: process(10), trainer: process(11) },
    { type: 'phase_entered', job, attempt: 1, phase: 'step' },
    progress(job, 1, 107, 107),
    { type: 'checkpoint_verified', job, step: 100, path: from.path, bytes: from.bytes },
    {
      type: 'suspicion_raised',
      job,
      attempt: 1,
      phase: 'step',
      silent_seconds: 3,
      budget_seconds: 2,
    },
    {
      type: 'suspicion_resolved',
      job,
      attempt: 1,
      phase: 'step',
      silent_seconds: 4,
      by: 'progress',
    },
    {
      type: 'suspicion_raised',
      job,
      attempt: 1,
      phase: 'step',
      silent_seconds: 3,
      budget_seconds: 2,
    },
    {
      type: 'hang_confirmed',
      job,
      attempt: 1,
      phase: 'step',
      silent_seconds: 12.5,
      why: 'no progress',
    },
    {
      type: 'attempt_ended',
      job,
      attempt: 1,
      exit: null,
      cause: 'hang',
      reason: 'hung',
      signature: 'h',
    },
    { type: 'attempt_starting', job, attempt: 2, reason: 'hang', from, lost_steps: 7 },
    { type: 'attempt_started', job, attempt: 2, shepherd: process(20), trainer: process(21) },
    { type: 'recovered', job, attempt: 2, cause: 'hang', seconds: 9, lost_steps: 7 },
    progress(job, 2, 110, 10),
    { type: 'checkpoint_quarantined', job, step: 110, path: 'p', to: 'q', reason: 'torn' },
    { type: 'trainer_continued', job, attempt: 2, stopped_seconds: 2 },
    { type: 'phase_entered', job, attempt: 2, phase: 'bake_cookies' },
  ];
}

export function progress(job: string, attempt: number, step: number, steps: number): Event {
  return {
    type: 'progress',
    job,
    attempt,
    step,
    total: 500,
    epoch: 1,
    loss: 0.25,
    steps,
    step_seconds: 0.4,
    // The sketch's bin for 0.4 s: round(ln(0.4 / 1e-4) / ln 1.1).
    bins: { 87: steps },
    useful_seconds: 3,
  };
}

/** An engine over the core's own fold: events in, state out, its readers told. */
export class SmallEngine implements HttpEngine {
  state: State = fold([]);
  lastTurn = 0;
  journalHealth: HttpEngine['journalHealth'] = { state: 'ok' };
  private readonly listeners = new Set<(entry: Entry, state: State) => void>();

  get readers(): number {
    return this.listeners.size;
  }

  add(...events: Event[]): this {
    for (const event of events) {
      const seq = this.state.seq + 1;
      const entry: Entry = { ...event, seq, time: 1000 + seq };
      this.state = fold([entry], this.state);
      for (const listener of this.listeners) listener(entry, this.state);
    }
    return this;
  }

  status() {
    return statusOf(this.state, 1100, true);
  }

  request: HttpEngine['request'] = async (seen) => {
    const error = refuse(this.state, seen);
    if (error !== null) return { ok: false, error };
    this.add({ type: seen.is === 'stop' ? 'stop_requested' : 'job_resumed', job: seen.job });
    return { ok: true };
  };

  subscribe(listener: (entry: Entry, state: State) => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}
