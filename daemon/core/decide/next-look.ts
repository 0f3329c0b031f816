import { type Grounds, phaseBudget } from '../budgets.js';
import type { Policy } from '../policy.js';
import type { Silence } from '../silence.js';
import type { Job } from '../state.js';
import type { Now } from '../time.js';
import { clockOf, clocksOf, lookEvery, SUSPECT_AT } from '../verdict.js';
import { phaseOf, type Watch } from '../watch.js';
import { COALESCE } from './beat.js';
import { LOOK_AGAIN } from './holding.js';
import { groundsOf } from './policy-of.js';
import type { Core } from './turn.js';

/**
 * Monotonic seconds before which a tick decides nothing, as long as nothing is observed and neither
 * the daemon nor the machine stands still; Infinity for never. It presumes that the clocks were read
 * (a tick) after the last observation. It may be earlier than needed, never later.
 */
export function nextLook(core: Core, now: Now, policy: Policy): number {
  let next = Number.POSITIVE_INFINITY;
  for (const job of Object.values(core.state.jobs)) {
    next = Math.min(next, ofJob(core, job, now, policy));
  }
  return next;
}

/** The core after ticks that decided nothing, up to and with `now`; see {@link nextLook}. */
export function asIfTicked(core: Core, now: Now): Core {
  return { ...core, last: now };
}

function ofJob(core: Core, job: Job, now: Now, policy: Policy): number {
  switch (job.run.at) {
    case 'starting':
    case 'running': {
      const watch = core.watches[job.name];
      if (watch === undefined) return Number.POSITIVE_INFINITY;
      return ofWatch(watch, groundsOf(job, watch, policy), now.mono);
    }
    case 'waiting':
      return now.mono + Math.max(0, job.run.until - now.wall);
    case 'holding':
      return (core.asked[`room ${job.name}`] ?? Number.NEGATIVE_INFINITY) + LOOK_AGAIN;
    case 'queued':
      return now.mono;
    default:
      return Number.POSITIVE_INFINITY;
  }
}

function ofWatch(watch: Watch, grounds: Grounds, mono: number): number {
  let next = Number.POSITIVE_INFINITY;
  if (watch.pending.steps > 0) next = watch.pending.since + COALESCE;
  for (const clock of clocksOf(watch)) {
    const { budget, patience, ceiling, silent, standing } = clockOf(clock, watch, grounds, mono);
    if (silent.seconds >= budget.look) {
      next = Math.min(next, watch.looked_at + lookEvery(silent.seconds, budget));
    }
    next = Math.min(
      next,
      crossing(silent, budget.look, mono),
      crossing(silent, budget.silent * SUSPECT_AT, mono),
      crossing(silent, budget.silent, mono),
      crossing(silent, patience, mono),
      crossing(standing, ceiling, mono),
    );
  }
  return next;
}

/** When a silence reaches a threshold; never for one that it has passed. */
function crossing({ seconds, frozen }: Silence, threshold: number, mono: number): number {
  return seconds >= threshold ? Number.POSITIVE_INFINITY : mono + frozen + threshold - seconds;
}

/** Seconds that may pass after a step of a running job before it is looked at from outside: steps
 * that take less decide nothing. 0 while it is not running, or not yet at its steps. */
export function quietGap(core: Core, name: string, policy: Policy): number {
  const job = core.state.jobs[name];
  const watch = core.watches[name];
  if (job === undefined || watch === undefined || watch.main.name !== 'step') return 0;
  const grounds = groundsOf(job, watch, policy);
  return Math.min(...clocksOf(watch).map((clock) => phaseBudget(phaseOf(clock), grounds).look));
}
