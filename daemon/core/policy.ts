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
  /** Silence of a phase without a history after which a process that is busy is suspected. */
  readonly defaults: Readonly<Record<Phase, number>>;
  /** The longest a phase may go on, whatever the outside evidence says. */
  readonly ceilings: Readonly<Record<Phase, number>>;
  /** From how many samples on a phase is judged by its own history. */
  readonly min_samples: number;
  /** The learned budget is this many times the phase's own 99th percentile. */
  readonly factor: number;
  /** A process group that uses less than this many cores counts as idle. */
  readonly idle_cpu: number;
  /** The outside evidence must agree for at least this long. */
  readonly confirm_seconds: number;
  /** A process idle in every respect for this long hangs, in a phase without a history. */
  readonly idle_seconds: number;
  /** The same for the phases in which trainers ask the network: startup, load, finish. */
  readonly network_seconds: number;
  /** A busy process is left alone for at least this long, in a phase with a history. */
  readonly livelock_seconds: number;
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
