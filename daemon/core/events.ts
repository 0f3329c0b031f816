import type { AttemptReason, Cause, Knob } from './causes.js';
import type { FollowUp } from './follow-ups.js';
import type { Seen } from './looks.js';
import type { MailEvent } from './mail.js';
import type { Bins } from './sketch.js';

/** A running process, told apart from any other that ever had its pid. */
export interface ProcessRef {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat: clock ticks after boot at which the process started. */
  readonly start_ticks: number;
  readonly boot_id: string;
}

export interface CheckpointRef {
  readonly step: number;
  readonly path: string;
  readonly bytes: number;
}

/** Exit status of a trainer; `null` where nobody was left to see it. */
export type Exit =
  | { readonly code: number; readonly signal: null }
  | { readonly code: null; readonly signal: string };

/** How a download of its own ended. */
export type DownloadEnd =
  | { readonly is: 'finished'; readonly files: number; readonly bytes: number }
  /** `away`: for want of a network, or of the other side. */
  | {
      readonly is: 'failed';
      readonly reason: string;
      readonly remedy: string;
      readonly away?: true;
    }
  | { readonly is: 'stopped' };

/** What a job is, as far as decisions go. `plan` is opaque to the core: the edges made it and the
 * edges read it, journalled so that a restarted daemon runs exactly what was queued. */
export interface JobSpec {
  readonly name: string;
  readonly trainer: string;
  readonly target_step: number | null;
  /** Without a target step, the total that the trainer tells is one. */
  readonly total_is_target?: true;
  readonly has_artefact: boolean;
  readonly plan: unknown;
  /** The same for every job that is run in the same way: what one learns of its phases the next
   * one knows. */
  readonly profile: string;
  /** How many knobs the job declares that can be turned against a failure; none where absent. */
  readonly knobs?: Readonly<Record<Knob, number>>;
  /** Names from models.yaml that have to be on disk before the first attempt. */
  readonly models?: readonly string[];
  /** What is to be done once it is finished, each with a spec that only the edges read. */
  readonly follow_ups?: Readonly<Partial<Record<FollowUp, unknown>>>;
  /** The job's own overrides of the hang policy, already validated. */
  readonly hang?: Readonly<Record<string, unknown>>;
}

/** Everything that can happen. The journal adds `seq` and `time` (Unix seconds) to each. */
export type Event =
  | { type: 'daemon_started'; pid: number; version: string; boot_id: string }
  /** `trainers: 'end'`: a scheduler takes the machine away, and its trainers end with the daemon. */
  | { type: 'daemon_stopping'; reason: string; trainers?: 'end' }
  | {
      type: 'clocks_rearmed';
      reason: 'daemon_stalled' | 'machine_slept' | 'wall_clock_jumped';
      seconds: number;
    }
  | { type: 'journal_gap'; dropped: number }
  | { type: 'job_queued'; job: string; spec: JobSpec }
  | { type: 'models_wanted'; job: string; models: readonly string[] }
  | { type: 'models_ready'; job: string; files: number; bytes: number }
  | {
      type: 'download_queued';
      download: string;
      models: readonly string[];
      cache: boolean;
      replace: boolean;
    }
  | ({ type: 'download_ended'; download: string } & DownloadEnd)
  | { type: 'job_resumed'; job: string }
  | { type: 'job_finished'; job: string; step: number | null; artefact: string | null }
  | { type: 'job_failed'; job: string; cause: Cause; reason: string; remedy: string }
  | { type: 'job_stopped'; job: string }
  /** `until`: Unix seconds at which it goes on by itself; absent where it waits for something. */
  | {
      type: 'job_holding';
      job: string;
      cause: Cause;
      reason: string;
      remedy: string;
      until?: number;
    }
  | {
      type: 'attempt_starting';
      job: string;
      attempt: number;
      reason: AttemptReason;
      from: CheckpointRef | null;
      lost_steps: number;
    }
  | {
      type: 'attempt_started';
      job: string;
      attempt: number;
      shepherd: ProcessRef;
      trainer: ProcessRef;
    }
  | { type: 'attempt_abandoned'; job: string; attempt: number; why: string }
  | {
      type: 'attempt_adopted';
      job: string;
      attempt: number;
      trainer: ProcessRef;
      unwatched_seconds: number;
    }
  | {
      type: 'attempt_ended';
      job: string;
      attempt: number;
      exit: Exit | null;
      cause: Cause | 'done' | 'stopped';
      reason: string;
      signature: string;
    }
  | { type: 'restart_scheduled'; job: string; cause: Cause; at: number; delay_seconds: number }
  | { type: 'phase_entered'; job: string; attempt: number; phase: string }
  | { type: 'phase_left'; job: string; attempt: number; phase: string; seconds: number }
  | {
      type: 'progress';
      job: string;
      attempt: number;
      step: number;
      total: number | null;
      epoch: number | null;
      loss: number | null;
      /** Steps since the previous progress event of this attempt, and how long one took (seconds). */
      steps: number;
      step_seconds: number | null;
      /** The same, each step by itself, in the bins of the sketch; empty where nobody timed them. */
      bins: Bins;
      /** Seconds of this interval that moved the run beyond its highest step so far. */
      useful_seconds: number;
    }
  | {
      type: 'recovered';
      job: string;
      attempt: number;
      cause: AttemptReason;
      seconds: number;
      lost_steps: number;
    }
  | {
      type: 'suspicion_raised';
      job: string;
      attempt: number;
      phase: string;
      silent_seconds: number;
      budget_seconds: number;
    }
  | {
      type: 'suspicion_resolved';
      job: string;
      attempt: number;
      phase: string;
      silent_seconds: number;
      by: 'progress' | 'rearm';
    }
  | {
      /** What was seen from outside of a stretch without progress, told when it was over. */
      type: 'looked_at';
      job: string;
      attempt: number;
      /** Since the last new step, and since the last look. */
      silent_seconds: number;
      last_ago: number;
      seen: readonly Seen[];
    }
  | { type: 'trainer_continued'; job: string; attempt: number; stopped_seconds: number }
  | {
      type: 'hang_confirmed';
      job: string;
      attempt: number;
      phase: string;
      silent_seconds: number;
      why: string;
    }
  | {
      type: 'evidence_saved';
      job: string;
      attempt: number;
      path: string;
      files: number;
      seconds: number;
    }
  /** By the rule of retention; the latest set of a job is never among them. */
  | { type: 'evidence_removed'; job: string; attempts: readonly number[]; bytes: number }
  | { type: 'stop_requested'; job: string }
  | { type: 'trainer_killed'; job: string; attempt: number; seconds: number; escalated: boolean }
  | {
      type: 'trainer_unkillable';
      job: string;
      attempt: number;
      /** Pids; none where all processes ended and the GPU's memory is still not free. */
      survivors: readonly number[];
      why: string;
    }
  | { type: 'knob_turned'; job: string; cause: Knob; turned: number }
  /** `loss`: one that is a number, and beyond all measure. */
  | { type: 'loss_not_finite'; job: string; attempt: number; step: number; loss?: number }
  | { type: 'loss_finite_again'; job: string; attempt: number; step: number }
  /** `what`: what was seen; absent in journals from before it was told. */
  | {
      type: 'nan_confirmed';
      job: string;
      attempt: number;
      onset: number;
      step: number;
      what?: string;
    }
  | { type: 'host_found_bad'; job: string; why: string }
  | { type: 'hold_ended'; job: string; why: string }
  | {
      type: 'checkpoints_pruned';
      job: string;
      paths: readonly string[];
      bytes: number;
      free_bytes: number;
    }
  | { type: 'checkpoint_verified'; job: string; step: number; path: string; bytes: number }
  | {
      type: 'checkpoint_quarantined';
      job: string;
      step: number;
      path: string;
      to: string;
      reason: string;
    }
  /** A follow-up of a finished training was asked for; the number of this entry is its `id`. */
  | { type: 'task_queued'; job: string; task: FollowUp; spec: unknown }
  | { type: 'task_started'; job: string; task: FollowUp; id: number; try: number }
  /** `places`: where the results are, paths or addresses; `note`: what is to be said of them. */
  | {
      type: 'task_done';
      job: string;
      task: FollowUp;
      id: number;
      places: readonly string[];
      note?: string;
    }
  /** `retry_at`: Unix seconds of the next try; null when it is given up. */
  | {
      type: 'task_failed';
      job: string;
      task: FollowUp;
      id: number;
      try: number;
      reason: string;
      remedy: string;
      retry_at: number | null;
    }
  | MailEvent;

export type EventType = Event['type'];
export type EventOf<T extends EventType> = Extract<Event, { type: T }>;
/** An event as it stands in the journal. */
export type Entry = Event & { readonly seq: number; readonly time: number };

/** Events whose loss would change what a restarted daemon does. They are on disk before anyone acts;
 * the rest are written as soon, but not synced. */
const RELAXED: ReadonlySet<EventType> = new Set<EventType>([
  'progress',
  'phase_entered',
  'phase_left',
  'suspicion_raised',
  'suspicion_resolved',
  'clocks_rearmed',
  'looked_at',
  'evidence_removed',
]);

export function isDurable(event: Event): boolean {
  return !RELAXED.has(event.type);
}
