import { type Grounds, type PhaseBudget, phaseBudget } from '../budgets.js';
import type { Policy } from '../policy.js';
import type { Silence } from '../silence.js';
import type { Job } from '../state.js';
import type { Now } from '../time.js';
import { clockOf, clocksOf, lookEvery, neededIdle, SUSPECT_AT } from '../verdict.js';
import { phaseOf, type Watch } from '../watch.js';
import { COALESCE } from './beat.js';
import { LOOK_AGAIN } from './holding.js';
import { groundsOf } from './policy-of.js';
import type { Core } from './turn.js';

/** What is going to be seen of a trainer: nothing is known of it, or that each look finds it busy, or
 * waiting for storage. */
export type Outlook = 'anything' | 'busy' | 'storage';

/**
 * Monotonic seconds before which a tick decides nothing, as long as nothing is observed and neither
 * the daemon nor the machine stands still; Infinity for never. It presumes that the clocks were read
 * (a tick) after the last observation. It may be earlier than needed, never later.
 *
 * Where every look is going to find the trainer `busy`, or waiting for `storage`, neither looks nor ticks
 * decide anything before: looks may be asked for, and their answers change nothing but what is known of
 * idleness.
 */
export function nextLook(core: Core, now: Now, policy: Policy, outlook: Outlook): number {
  let next = Number.POSITIVE_INFINITY;
  const { jobs } = core.state;
  for (const name in jobs) {
    const job = jobs[name];
    if (job === undefined) continue;
    next = Math.min(next, ofJob(core, job, now, policy, outlook), ofTasks(job, now));
  }
  return next;
}

/** When the next follow-up of this job is due to be tried again. */
function ofTasks({ tasks }: Job, now: Now): number {
  if (tasks === undefined) return Number.POSITIVE_INFINITY;
  const waits = Object.values(tasks).map((task) =>
    task.at === 'waiting' ? task.until - now.wall : Number.POSITIVE_INFINITY,
  );
  return now.mono + Math.max(0, Math.min(...waits, Number.POSITIVE_INFINITY));
}

/** The core after ticks that decided nothing, up to and with `now`; see {@link nextLook}. */
export function asIfTicked(core: Core, now: Now): Core {
  return { ...core, last: now };
}

function ofJob(core: Core, job: Job, now: Now, policy: Policy, outlook: Outlook): number {
  switch (job.run.at) {
    case 'starting':
    case 'running': {
      const watch = core.watches[job.name];
      if (watch === undefined) return Number.POSITIVE_INFINITY;
      return ofWatch(watch, groundsOf(job, watch, policy), now.mono, outlook);
    }
    case 'waiting':
      return now.mono + Math.max(0, job.run.until - now.wall);
    case 'holding':
      if (job.run.until !== undefined) return now.mono + Math.max(0, job.run.until - now.wall);
      return (core.asked[`room ${job.name}`] ?? Number.NEGATIVE_INFINITY) + LOOK_AGAIN;
    case 'queued':
      return now.mono;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function ofWatch(watch: Watch, grounds: Grounds, mono: number, outlook: Outlook): number {
  let next = Number.POSITIVE_INFINITY;
  if (watch.pending.steps > 0) next = watch.pending.since + COALESCE;
  const sure = outlook === 'busy' ? wasBusy(watch) : outlook === 'storage' && waited(watch);
  for (const clock of clocksOf(watch)) {
    const { budget, patience, ceiling, silent, standing } = clockOf(clock, watch, grounds, mono);
    next = Math.min(next, crossing(silent, patience, mono), crossing(standing, ceiling, mono));
    if (sure) {
      if (outlook === 'storage')
        next = Math.min(next, crossing(silent, budget.silent * SUSPECT_AT, mono));
      continue;
    }
    if (silent.seconds >= budget.look) {
      const needed = neededIdle(clock, watch, budget, grounds);
      next = Math.min(next, lookDue(watch, budget, silent, needed, mono));
    }
    next = Math.min(
      next,
      crossing(silent, budget.look, mono),
      crossing(silent, budget.silent * SUSPECT_AT, mono),
      crossing(silent, budget.silent, mono),
    );
  }
  return next;
}

/** When the next look is due. Looks grow apart with the silence, so the time they are due at is one that
 * depends on itself; from below it is reached but for a ten-thousandth in three rounds. */
function lookDue(
  watch: Watch,
  budget: PhaseBudget,
  silent: Silence,
  needed: number,
  mono: number,
): number {
  let at = watch.looked_at;
  for (let round = 0; round < 3; round += 1) {
    const seconds = silent.seconds + Math.max(0, at - mono - silent.frozen);
    at = watch.looked_at + lookEvery(seconds, budget, needed, watch.idle);
  }
  return at;
}

/** The last look has left no idleness that a tick could still judge by. */
function wasBusy({ idle }: Watch): boolean {
  if (idle === null) return true;
  return !idle.last.storage_wait && (!idle.quiet || idle.since === idle.last.at);
}

const waited = ({ idle }: Watch): boolean => idle?.last.storage_wait === true;

/** When a silence reaches a threshold; never for one that it has passed. */
function crossing({ seconds, frozen }: Silence, threshold: number, mono: number): number {
  return seconds >= threshold ? Number.POSITIVE_INFINITY : mono + frozen + threshold - seconds;
}

/** Seconds that may pass after a step of a running job before anything can be decided: whatever is seen
 * of it meanwhile, or when every look finds it `busy`. Steps that take less may be told in one piece.
 * 0 while it is not running, or not yet at its steps. */
export function quietGap(core: Core, name: string, policy: Policy, outlook: Outlook): number {
  const job = core.state.jobs[name];
  const watch = core.watches[name];
  if (job === undefined || watch === undefined || watch.main.name !== 'step') return 0;
  const grounds = groundsOf(job, watch, policy);
  let least = Number.POSITIVE_INFINITY;
  for (const clock of clocksOf(watch)) {
    const { silent, patience, ceiling } = phaseBudget(phaseOf(clock), grounds);
    const most = Math.min(patience, ceiling);
    least = Math.min(least, outlook === 'busy' ? most : Math.min(silent * SUSPECT_AT, most));
  }
  return least;
}

/** Seconds between two looks from outside at a running job, as its silence stands at `now`. */
export function looksApart(core: Core, name: string, now: Now, policy: Policy): number {
  const job = core.state.jobs[name];
  const watch = core.watches[name];
  if (job === undefined || watch === undefined) return Number.POSITIVE_INFINITY;
  const grounds = groundsOf(job, watch, policy);
  let least = Number.POSITIVE_INFINITY;
  for (const clock of clocksOf(watch)) {
    const { budget, silent } = clockOf(clock, watch, grounds, now.mono);
    least = Math.min(least, lookEvery(silent.seconds, budget, budget.idle, null));
  }
  return least;
}
