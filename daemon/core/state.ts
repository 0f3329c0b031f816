import type { AttemptReason, Cause, Knob } from './causes.js';
import type { CheckpointRef, DownloadEnd, JobSpec, ProcessRef } from './events.js';
import type { Tasks } from './follow-ups.js';
import type { Losses } from './losses.js';
import type { Mail } from './mail.js';
import type { Phase } from './phases.js';
import type { Sketch } from './sketch.js';
import type { UsualLoss } from './usual-loss.js';

/** The fold over the journal: all that a restarted daemon knows. Plain JSON. */
export interface State {
  readonly v: 1;
  readonly seq: number;
  readonly daemon: {
    readonly pid: number;
    readonly version: string;
    readonly started: number;
  } | null;
  /** Times the daemon started on this home, and when the last event was written (Unix seconds). */
  readonly starts: number;
  readonly last_event_at: number;
  /** In the order in which they were queued. */
  readonly jobs: Readonly<Record<string, Job>>;
  /** Downloads that were asked for without a job, the oldest first; absent before the first. */
  readonly downloads?: Readonly<Record<string, Download>>;
  readonly host_bad: string | null;
  /** Of the latest daemon: another one is another machine, or this one started anew. */
  readonly boot_id?: string | null;
  /** The daemon was told to go by a scheduler and takes its trainers along; until the next one is up. */
  readonly leaving?: true;
  /** Phase times by the profile of the jobs that taught them, the latest last. */
  readonly profiles: Readonly<Record<string, Learned>>;
  /** The outbox; absent until mails are set up. */
  readonly mail?: Mail;
}

export interface Download {
  readonly models: readonly string[];
  readonly cache: boolean;
  readonly replace: boolean;
  readonly queued_at: number;
  readonly ended_at: number | null;
  /** Null while it goes on. */
  readonly end: DownloadEnd | null;
}

export type Learned = Readonly<Partial<Record<Phase, Sketch>>>;

export interface Job {
  readonly name: string;
  readonly spec: JobSpec;
  readonly queued_at: number;
  readonly started_at: number | null;
  readonly ended_at: number | null;
  readonly run: Run;
  /** Number of the latest attempt; 0 before the first. */
  readonly attempt: number;
  readonly attempts_by_cause: Readonly<Partial<Record<AttemptReason, number>>>;
  readonly next_reason: AttemptReason;
  /** Set once the job's models were on disk. */
  readonly models_ready?: boolean;
  /** The attempt that a scheduler ended together with its daemon; absent where none was. */
  readonly told_to_go?: number;
  /** The checkpoint that the current attempt began at. */
  readonly from: CheckpointRef | null;
  /** How many of the declared knobs are turned; they stay so. */
  readonly knobs: Readonly<Record<Knob, number>>;
  /** The first step of this attempt whose loss was not finite, or beyond all measure, while it has not become so again. */
  readonly nan_onset: number | null;
  /** Absent until a loss was told. */
  readonly usual_loss?: UsualLoss;
  /** Absent until a loss was told. */
  readonly losses?: Losses;
  readonly progress: Progress;
  readonly checkpoint: (CheckpointRef & { readonly verified_at: number }) | null;
  readonly budget: Budget;
  readonly suspect: { readonly phase: string; readonly since: number } | null;
  /** From the failure on until the first step after it. */
  readonly recovering: {
    readonly since: number;
    readonly cause: AttemptReason;
    readonly lost_steps: number;
  } | null;
  readonly tally: Tally;
  /** What earlier runs under the same name had come to: counters never go back. Absent before v0.2. */
  readonly before?: Totals;
  readonly learned: Learned;
  readonly incidents: readonly Incident[];
  /** Its follow-ups; absent before the first was asked for. */
  readonly tasks?: Tasks;
}

/** Where a job stands; each state carries only its own data. */
export type Run =
  | { readonly at: 'queued' }
  | { readonly at: 'downloading' }
  | { readonly at: 'starting'; readonly attempt: number }
  | {
      readonly at: 'running';
      readonly attempt: number;
      readonly shepherd: ProcessRef;
      readonly trainer: ProcessRef;
    }
  | {
      readonly at: 'ending';
      readonly attempt: number;
      readonly why: 'hang' | 'nan' | 'stop';
      readonly evidence: boolean;
      /** What was seen of the NaN. */
      readonly what?: string;
    }
  | { readonly at: 'waiting'; readonly until: number; readonly cause: Cause }
  | {
      readonly at: 'holding';
      readonly cause: Cause;
      readonly reason: string;
      readonly remedy: string;
      /** Unix seconds at which it goes on by itself; absent where it waits for something. */
      readonly until?: number;
    }
  | { readonly at: 'finished'; readonly artefact: string | null }
  | {
      readonly at: 'failed';
      readonly cause: Cause;
      readonly reason: string;
      readonly remedy: string;
    }
  | { readonly at: 'stopped' };

export interface Progress {
  readonly step: number | null;
  /** The highest step any attempt has reached; steps up to it were paid for once already. */
  readonly high: number;
  /** `high` as it stood when the current attempt began. */
  readonly high_at_start: number;
  readonly total: number | null;
  readonly epoch: number | null;
  readonly loss: number | null;
  readonly phase: string | null;
  /** Unix seconds of the last new step. */
  readonly at: number | null;
}

/** Failures since the last gained checkpoint. A changing cause resets `spent` of no other cause and
 * never `total`, so that no mixture of faults goes on for ever. */
export interface Budget {
  /** Failures without a gained step, by cause. */
  readonly spent: Readonly<Partial<Record<Cause, number>>>;
  readonly total: number;
  /** Failures of each cause, whether or not a step was gained. */
  readonly seen: Readonly<Partial<Record<Cause, number>>>;
  /** Failures in a row without a gained step: what the backoff grows by. */
  readonly barren: number;
  readonly gained_step: number;
  /** The last failure without a step, and how often in a row it came. */
  readonly signature: string;
  readonly repeats: number;
}

export interface Tally {
  readonly lost_steps: number;
  readonly useful_seconds: number;
  /** Useful seconds by the minute (Unix minutes), the last hour. */
  readonly minutes: readonly (readonly [minute: number, seconds: number])[];
  readonly hangs: number;
  readonly hang_detection_seconds: number | null;
  readonly recoveries: number;
  readonly recovery_seconds: number | null;
  readonly suspicions: number;
  readonly self_resolved: number;
  readonly continued: number;
  readonly quarantined: number;
}

/** The part of a run's figures that only ever grows. */
export interface Totals
  extends Pick<
    Tally,
    | 'lost_steps'
    | 'useful_seconds'
    | 'hangs'
    | 'recoveries'
    | 'suspicions'
    | 'self_resolved'
    | 'continued'
    | 'quarantined'
  > {
  readonly attempts_by_cause: Job['attempts_by_cause'];
}

/** One line of the night's account. */
export interface Incident {
  readonly time: number;
  readonly attempt: number;
  readonly kind: Cause | 'continued' | 'quarantined' | 'adopted';
  readonly text: string;
}

export const initialState: State = {
  v: 1,
  seq: 0,
  daemon: null,
  starts: 0,
  last_event_at: 0,
  jobs: {},
  host_bad: null,
  boot_id: null,
  profiles: {},
};

/** A job occupies the machine from its first attempt until it is over, between attempts too. */
export function isActive(job: Job): boolean {
  return ['downloading', 'starting', 'running', 'ending', 'waiting', 'holding'].includes(
    job.run.at,
  );
}

export function isOver(job: Job): boolean {
  return ['finished', 'failed', 'stopped'].includes(job.run.at);
}
