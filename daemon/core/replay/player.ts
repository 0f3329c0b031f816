import { stageOf } from '../decide/attempts.js';
import {
  asIfTicked,
  type Core,
  type Decision,
  decide,
  initialCore,
  nextLook,
} from '../decide/index.js';
import type { Entry } from '../events.js';
import type { Observation } from '../observations.js';
import type { Policy } from '../policy.js';
import { reduce } from '../reduce.js';
import type { State } from '../state.js';
import type { Now } from '../time.js';
import { armWatch, type Watch } from '../watch.js';
import type { Moment } from './timeline.js';

/** How often a daemon reads its clocks by default, in seconds. */
const POLL = 0.25;

/** What today's rules decided, told as it happens. */
export type OnDecision = (decision: Decision, now: Now) => void;

/**
 * Leads today's rules through a recorded night. They see what the edges told then, on a clock of
 * their own; the state they decide upon is always the night's, so that a verdict of theirs, right or
 * wrong, changes nothing of what comes after it: each is judged by itself.
 */
export class Player {
  core: Core;
  now: Now = { mono: 0, wall: 0 };
  /** Jobs that today's rules would have killed in this stretch: nothing more is asked about them. */
  private readonly convicted = new Set<string>();

  constructor(
    state: State,
    private readonly policy: Policy,
    private readonly onDecision: OnDecision,
  ) {
    this.core = initialCore(state);
  }

  /** Reads the clocks, as often as it can matter, up to the moment and not at it. */
  advance(to: Moment): void {
    const now = { mono: to.mono, wall: to.wall };
    if (this.core.last === null) {
      this.now = now;
      this.core = { ...asIfTicked(this.core, now), watches: underWay(this.core.state, now) };
      return;
    }
    const watched = to.mono - to.deaf;
    while (this.convicted.size === 0) {
      const next = Math.max(
        nextLook(this.core, this.now, this.policy, 'anything'),
        this.now.mono + POLL,
      );
      if (next >= watched) break;
      this.core = asIfTicked(this.core, this.at(next - POLL));
      this.now = this.at(next);
      this.take(decide(this.core, { is: 'tick' }, this.now, this.policy));
    }
    if (watched > this.now.mono) this.now = this.at(watched);
    this.core = asIfTicked(this.core, this.now);
    this.now = now;
  }

  see(seen: Observation): void {
    const job = 'job' in seen ? seen.job : null;
    if (seen.is === 'outside' && job !== null && this.convicted.has(job)) return;
    // A process that was stopped, or that goes on, is judged anew.
    if (job !== null && seen.is !== 'outside') this.convicted.delete(job);
    this.take(decide(this.core, seen, this.now, this.policy));
  }

  /** Takes over what the night itself decided. */
  follow(entry: Entry): void {
    const state = reduce(this.core.state, entry);
    switch (entry.type) {
      case 'daemon_started':
        this.core = { ...initialCore(state), last: this.now };
        this.convicted.clear();
        return;
      case 'clocks_rearmed':
        this.convicted.clear();
        this.take(decide(this.core, { is: 'tick' }, this.now, this.policy));
        break;
      case 'attempt_starting': {
        const { job, attempt, from } = entry;
        this.convicted.delete(job);
        this.core = this.watching(
          job,
          armWatch(attempt, this.now.mono, from?.step ?? null, 'startup'),
        );
        break;
      }
      case 'attempt_adopted': {
        const { job, attempt, trainer } = entry;
        this.see({ is: 'adopted', job, attempt, shepherd: trainer, trainer });
        break;
      }
    }
    this.core = { ...this.core, state };
    if (!('job' in entry)) return;
    const run = state.jobs[entry.job]?.run.at;
    if (run !== 'starting' && run !== 'running') this.core = this.watching(entry.job, null);
  }

  private watching(job: string, watch: Watch | null): Core {
    const { [job]: _before, ...others } = this.core.watches;
    return { ...this.core, watches: watch === null ? others : { ...others, [job]: watch } };
  }

  private take(decision: Decision): void {
    this.onDecision(decision, this.now);
    const hangs = decision.events.filter((event) => event.type === 'hang_confirmed');
    for (const { job } of hangs) this.convicted.add(job);
    // The clocks stay as they were: the night went on without that kill.
    if (hangs.length === 0) this.core = { ...decision.core, state: this.core.state };
  }

  /** The same instant on both clocks. */
  private at(mono: number): Now {
    return { mono, wall: mono + this.now.wall - this.now.mono };
  }
}

/** Clocks of what was running before the first entry, from its last known step on. */
function underWay(state: State, now: Now): Core['watches'] {
  const watches: Record<string, Watch> = {};
  for (const job of Object.values(state.jobs)) {
    const { step, at } = job.progress;
    if (job.run.at !== 'running' || at === null) continue;
    const since = now.mono - Math.max(0, now.wall - at);
    watches[job.name] = {
      ...armWatch(job.run.attempt, since, step, stageOf(job)),
      unsure: 0,
    };
  }
  return watches;
}
