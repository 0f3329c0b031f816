import type { Cause, Knob } from './causes.js';
import type { RetryPolicy } from './policy.js';
import { afterFailure } from './retry.js';
import type { Job } from './state.js';

/** What is done about a failure, the cheapest thing that can help. */
export type Remedy =
  | { readonly is: 'stop'; readonly reason: string }
  /** Wait for room on the disk, or for so many seconds; an attempt before that would end in the same
   * way. */
  | { readonly is: 'hold'; readonly seconds: number | null }
  | {
      readonly is: 'restart';
      readonly delay_seconds: number;
      /** Turned one further before the next attempt. */
      readonly knob: Knob | null;
      /** The checkpoint the attempt began at cannot be loaded, whatever its files look like. */
      readonly distrust: boolean;
      /** The newest checkpoint will not do: another has to be looked for. */
      readonly choose: boolean;
    };

/** Waits for a network that is away, in seconds: a router starts anew within a minute or two, a provider
 * takes hours. */
export const NETWORK_WAIT = { first: 15, factor: 2, longest: 600 };
/** Some sixteen hours of them. */
const NETWORK_TRIES = 100;

const AT_ONCE: Remedy = {
  is: 'restart',
  delay_seconds: 0,
  knob: null,
  distrust: false,
  choose: false,
};

function whileAway(tries: number, reason: string, { limits }: RetryPolicy): Remedy {
  if (tries > (limits.network ?? NETWORK_TRIES))
    return { is: 'stop', reason: `${reason} (${tries} times, with growing waits in between)` };
  const { first, factor, longest } = NETWORK_WAIT;
  return { is: 'hold', seconds: Math.min(longest, first * factor ** (tries - 1)) };
}

/** Decided on the job after the failure was folded into its budget. */
export function remedyFor(job: Job, cause: Cause, reason: string, policy: RetryPolicy): Remedy {
  const seen = job.budget.seen[cause] ?? 1;
  if (cause === 'preempted') return AT_ONCE;
  if (cause === 'network') return whileAway(job.budget.spent.network ?? 1, reason, policy);
  const left = (knob: Knob): boolean => job.knobs[knob] < (job.spec.knobs?.[knob] ?? 0);
  if (cause === 'oom' && seen > 1 && !left('oom')) {
    const turned = job.knobs.oom;
    const why =
      turned === 0
        ? 'no remedies.oom is declared in the job file'
        : `all ${turned} declared remedies are in use`;
    return { is: 'stop', reason: `${reason} (again, and ${why})` };
  }
  if (cause === 'nan' && seen > (policy.limits.nan ?? 2)) {
    return {
      is: 'stop',
      reason: `${reason} (${seen} times, from other checkpoints and seeds too)`,
    };
  }
  const turnable = (cause === 'oom' && seen > 1) || cause === 'host_oom' ? left(cause) : false;
  // A knob that is turned makes it another attempt: only the ceiling counts it.
  const limits =
    turnable || cause === 'nan' || cause === 'oom'
      ? { ...policy.limits, [cause]: policy.ceiling }
      : policy.limits;
  const next = afterFailure(job, cause, reason, { ...policy, limits });
  if (next.is === 'stop') return next;
  if (cause === 'disk_full') return { is: 'hold', seconds: null };
  const distrust = cause === 'corrupt' && job.from !== null;
  return {
    is: 'restart',
    delay_seconds: next.delay_seconds,
    knob: turnable
      ? (cause as Knob)
      : cause === 'nan' && (job.spec.knobs?.nan ?? 0) > 0
        ? 'nan'
        : null,
    distrust,
    choose: distrust || cause === 'nan',
  };
}
