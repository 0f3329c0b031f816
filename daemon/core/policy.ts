import type { Cause } from './causes.js';
import type { Phase } from './phases.js';

/** What the owner's configuration says about verdicts and retries. All durations in seconds. */
export interface Policy {
  readonly hang: HangPolicy;
  readonly retry: RetryPolicy;
}

export interface HangPolicy {
  /** Silence shorter than this is never a hang, however fast the steps were. */
  readonly floor_seconds: number;
  /** The budget of a phase before this job has a history of its own. */
  readonly defaults: Readonly<Record<Phase, number>>;
  /** The longest a phase may go on, whatever the outside evidence says. */
  readonly ceilings: Readonly<Record<Phase, number>>;
  /** From how many samples on the learned budget replaces the default. */
  readonly min_samples: number;
  /** The learned budget is this many times the phase's own 99th percentile. */
  readonly factor: number;
  /** A process group that uses less than this many cores counts as idle. */
  readonly idle_cpu: number;
  /** The outside evidence must agree for this long. */
  readonly confirm_seconds: number;
}

export interface RetryPolicy {
  /** Failures of one cause without a gained checkpoint before we stop. */
  readonly limits: Readonly<Partial<Record<Cause, number>>>;
  /** Failures of any cause since the last gained checkpoint before we stop. */
  readonly ceiling: number;
  readonly backoff: {
    readonly first_seconds: number;
    readonly factor: number;
    readonly max_seconds: number;
  };
}
