import type { Cause } from './causes.js';
import type { RetryPolicy } from './policy.js';
import type { Job } from './state.js';

export type Next =
  | { readonly is: 'restart'; readonly delay_seconds: number }
  | { readonly is: 'stop'; readonly reason: string };

/** What follows a failure, judged after it was folded into the job's budget. */
export function afterFailure(job: Job, cause: Cause, reason: string, policy: RetryPolicy): Next {
  const { budget } = job;
  if (cause === 'permanent') return { is: 'stop', reason };
  const spent = budget.spent[cause] ?? 0;
  const limit = policy.limits[cause] ?? policy.ceiling;
  if (spent >= limit)
    return { is: 'stop', reason: `${reason} (${times(spent)} without a step gained)` };
  if (budget.total >= policy.ceiling) {
    return {
      is: 'stop',
      reason: `${reason} (${budget.total} failures since the last gained checkpoint)`,
    };
  }
  // A failure before the first step that comes back word for word will come back for ever. A kill
  // from outside says nothing about the program, so only words of its own count.
  const known =
    budget.signature !== '' && cause !== 'lost' && cause !== 'reboot' && cause !== 'hang';
  const words = budget.signature.includes(': exited with status');
  if (known && words && budget.repeats >= 2)
    return { is: 'stop', reason: `${reason} (twice the same, without a step)` };
  return { is: 'restart', delay_seconds: delay(budget.barren, policy) };
}

function times(n: number): string {
  return n === 1 ? 'once' : `${n} times`;
}

/** Seconds to wait: none after a failure that had gained steps, nor after the first that had not. */
export function delay(barren: number, policy: RetryPolicy): number {
  if (barren <= 1) return 0;
  const { first_seconds, factor, max_seconds } = policy.backoff;
  return Math.min(max_seconds, first_seconds * factor ** (barren - 2));
}
