import type { Phase } from '../../daemon/core/index.js';

/**
 * What a second of the night went to: the first start-up; new steps; steps made before; what was begun
 * after the last step of an attempt; from a hang to its verdict; from the verdict to the end of the
 * process; from there to the next attempt; its start-up; and what is left when the job is over.
 */
export const SPENT = [
  'first_start',
  'useful',
  'again',
  'cut',
  'detection',
  'ending',
  'between',
  'start',
  'over',
] as const;

export type Spent = (typeof SPENT)[number];

/** How a hang was found. */
export interface Detection {
  readonly phase: Phase;
  readonly flavour: string;
  /** Whether the trainer said what it was at. */
  readonly told: boolean;
  /** When it came, in seconds of the night. */
  readonly at: number;
  /** From the last real progress, which is earlier than the hang, to the verdict. */
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
  /** Training time that was new. */
  readonly useful: number;
  /** The same under an ideal supervisor; null for a job that could be done before the morning. */
  readonly ideal: { readonly free: number; readonly paying: number } | null;
  /** Where the seconds of the night went. */
  readonly spent: Readonly<Record<Spent, number>>;
  readonly lost_steps: number;
  readonly attempts: number;
  readonly ended: 'morning' | 'finished' | 'gave_up' | 'host_bad';
  readonly decisions: number;
}
