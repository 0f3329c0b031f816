import type { Phase } from '../../daemon/core/index.js';

/** How a hang was found. */
export interface Detection {
  readonly phase: Phase;
  readonly flavour: string;
  readonly seconds: number;
  /** max(10 s, 3 times the phase's own true 99th percentile). */
  readonly target: number;
}

/** What came of one night. Times in seconds. */
export interface Account {
  readonly seed: number;
  readonly seconds: number;
  readonly false_kills: readonly string[];
  readonly missed_hangs: readonly string[];
  readonly detections: readonly Detection[];
  /** From the stop signal to the continuation. */
  readonly stops: readonly number[];
  readonly suspicions: number;
  readonly suspicions_self_resolved: number;
  /** Null where the night ended before its time. */
  readonly useful: number | null;
  readonly ideal: number | null;
  readonly ideal_paid: number | null;
  readonly lost_steps: number;
  readonly attempts: number;
  readonly ended: 'morning' | 'finished' | 'gave_up' | 'host_bad';
  readonly decisions: number;
}
