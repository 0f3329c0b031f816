import type { Decision } from '../decide/index.js';
import type { Entry } from '../events.js';
import type { Now } from '../time.js';
import { byTime, compareDoubts, compareOutcomes, type Placed } from './compare.js';
import type { Difference, Doubt, Fact, Outcome, ReplayedJob } from './types.js';

type Open = { -readonly [K in keyof Doubt]: Doubt[K] };

/** One job's decisions, the night's and today's, as they come. */
export class JobAccount {
  /** Counts the stretches without progress. */
  private stretch = 0;
  /** Doubts of the present stretch: what ends it is not known yet. */
  private open: Open[] = [];
  private asked = 0;
  private seen = 0;
  private readonly recorded: Placed[] = [];
  private readonly today: Placed[] = [];
  private readonly outcomes: { recorded: Outcome; today: Outcome | null }[] = [];
  /** Stretches in which today's rules would have looked from outside sooner than the night tells. */
  blind = 0;

  constructor(readonly name: string) {}

  /** Whether today's rules have decided on a hang in this stretch. */
  get convicted(): boolean {
    return this.open.some((doubt) => this.today.some(({ fact }) => fact === doubt && isHang(fact)));
  }

  decided({ events, commands }: Decision, now: Now): void {
    for (const event of events) {
      if ('job' in event && event.job === this.name) this.place(this.today, event, now.wall, false);
    }
    for (const command of commands)
      if (command.do === 'observe' && command.job === this.name) this.asked += 1;
  }

  presumed(event: Parameters<JobAccount['place']>[1], wall: number): void {
    this.place(this.today, event, wall, true);
  }

  looked(): void {
    this.seen += 1;
    if (this.seen === 1) this.askedInVain();
  }

  recordedEntry(entry: Entry): void {
    this.place(this.recorded, entry, entry.time, false);
    if (entry.type === 'hang_confirmed') this.over('kill');
    if (entry.type === 'attempt_ended') this.over('exit');
    if (entry.type === 'trainer_continued') this.over('rearm');
  }

  outcome(recorded: Outcome, today: Outcome | null): void {
    this.outcomes.push({ recorded, today });
  }

  /** The stretch is over. */
  over(by: Doubt['ended_by']): void {
    for (const doubt of this.open) doubt.ended_by = by;
    if (this.seen === 0) this.askedInVain();
    this.open = [];
    this.asked = 0;
    this.seen = 0;
    this.stretch += 1;
  }

  told(): ReplayedJob {
    const doubts = compareDoubts(this.recorded, this.today);
    const outcomes = this.outcomes
      .map(({ recorded, today }) => compareOutcomes(recorded, today))
      .filter((difference): difference is Difference => difference !== null);
    const sorted = (facts: Fact[]): Fact[] => facts.sort((a, b) => a.time - b.time);
    return {
      name: this.name,
      recorded: sorted([
        ...this.recorded.map(({ fact }) => fact),
        ...this.outcomes.map(({ recorded }) => recorded),
      ]),
      today: sorted([
        ...this.today.map(({ fact }) => fact),
        ...this.outcomes.flatMap(({ today }) => (today === null ? [] : [today])),
      ]),
      differences: [...doubts, ...outcomes].sort(byTime),
    };
  }

  private askedInVain(): void {
    if (this.asked > MANY) this.blind += 1;
  }

  private place(list: Placed[], event: Decision['events'][number], time: number, sure: boolean) {
    if (event.type !== 'suspicion_raised' && event.type !== 'hang_confirmed') return;
    const fact: Open = {
      kind: event.type === 'hang_confirmed' ? 'hang' : 'suspicion',
      attempt: event.attempt,
      time,
      phase: event.phase,
      silent_seconds: event.silent_seconds,
      why: 'why' in event ? event.why : null,
      ended_by: 'nothing known',
      presumed: sure,
    };
    list.push({ fact, stretch: this.stretch });
    this.open.push(fact);
  }
}

/** A look or two more than the night made is a matter of a slightly earlier beginning. */
const MANY = 2;

const isHang = ({ kind }: Doubt): boolean => kind === 'hang';
