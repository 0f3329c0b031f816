import type { Entry } from '../events.js';
import type { Policy } from '../policy.js';
import { reduce } from '../reduce.js';
import type { State } from '../state.js';
import { JobAccount } from './account.js';
import { recordedOutcomes, todaysOutcome } from './endings.js';
import { Player } from './player.js';
import { presume } from './presume.js';
import { type Moment, timeline } from './timeline.js';
import type { Doubt, Replay, ReplayedJob } from './types.js';
import { unknownOf } from './unknown.js';

export interface Recording {
  /** The state before the first entry. */
  readonly base: State;
  /** In order; at least one. */
  readonly entries: readonly Entry[];
}

/**
 * What today's rules, under `policy`, would have decided of a recorded night: every suspicion, hang
 * and ending, beside what was decided then. Pure. The rules are given what the journal holds and
 * nothing more; what it does not hold is told in `unknown`.
 */
export function replay({ base, entries }: Recording, policy: Policy, only?: string): Replay {
  const accounts = new Map<string, JobAccount>();
  const account = (job: string): JobAccount => {
    const known = accounts.get(job) ?? new JobAccount(job);
    accounts.set(job, known);
    return known;
  };
  const player = new Player(base, policy, (decision, now) => {
    for (const job of accounts.values()) job.decided(decision, now);
  });
  const outcomes = recordedOutcomes(entries);
  let state = base;
  for (const moment of timeline(entries)) {
    player.advance(moment);
    for (const seen of moment.seen) {
      if (!('job' in seen)) continue;
      if (seen.is === 'outside') account(seen.job).looked();
      player.see(seen);
      if (seen.is === 'beat') account(seen.job).over('progress');
    }
    if (moment.entry === undefined) continue;
    state = reduce(state, moment.entry);
    beside(moment.entry, moment, player, policy, account, outcomes);
    player.follow(moment.entry);
  }
  for (const job of accounts.values()) job.over('nothing known');
  const shown = [...accounts.values()].filter(({ name }) => only === undefined || name === only);
  return {
    events: entries.length,
    from: entries[0]?.time ?? 0,
    to: entries.at(-1)?.time ?? 0,
    ...counts(shown.map((job) => job.told())),
    unknown: unknownOf(base, entries, state, shown),
  };
}

/** What the night decided at this entry, and what today's rules make of the same instant. */
function beside(
  entry: Entry,
  { mono, wall }: Moment,
  player: Player,
  policy: Policy,
  account: (job: string) => JobAccount,
  outcomes: ReturnType<typeof recordedOutcomes>,
): void {
  if (entry.type === 'clocks_rearmed' || entry.type === 'daemon_started') {
    for (const job of Object.keys(player.core.state.jobs)) account(job).over('rearm');
  }
  if (!('job' in entry)) return;
  const job = account(entry.job);
  const now = { mono, wall };
  if (entry.type === 'hang_confirmed' && !job.convicted) {
    for (const { event, seconds } of presume(player.core, entry.job, now, policy))
      job.presumed(event, wall + seconds);
  }
  if (entry.type === 'attempt_ended') {
    const recorded = outcomes.get(entry.seq);
    if (recorded !== undefined)
      job.outcome(recorded, todaysOutcome(player.core, entry, now, policy));
  }
  job.recordedEntry(entry);
}

function counts(jobs: readonly ReplayedJob[]) {
  const doubts = jobs.flatMap(({ recorded }) => recorded).filter((fact) => fact.kind !== 'ending');
  const lost = jobs
    .flatMap(({ differences }) => differences)
    .flatMap(({ how, recorded }) =>
      how === 'not at all' && recorded !== null && recorded.kind !== 'ending' ? [recorded] : [],
    );
  const fresh = jobs
    .flatMap(({ today }) => today)
    .filter((fact) => fact.kind === 'hang' && fact.ended_by === 'progress');
  return {
    jobs,
    false_alarms: doubts.filter(isFalseAlarm).length,
    false_alarms_gone: lost.filter(isFalseAlarm).length,
    kills: doubts.filter(({ kind }) => kind === 'hang').length,
    kills_gone: lost.filter(({ kind }) => kind === 'hang').length,
    would_be_kills: fresh.length,
  };
}

const isFalseAlarm = ({ kind, ended_by }: Doubt): boolean =>
  kind === 'suspicion' && ended_by === 'progress';
