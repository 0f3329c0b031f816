import type { Knob } from './causes.js';
import type { Ending } from './classify.js';
import type { CheckpointRef, DownloadEnd, JobSpec, ProcessRef } from './events.js';
import type { FollowUp } from './follow-ups.js';
import type { MailEvent } from './mail.js';
import type { Bins } from './sketch.js';

/** What the edges tell the core. */
export type Observation =
  | { is: 'daemon_up'; pid: number; version: string; boot_id: string }
  | { is: 'daemon_stopping'; reason: string; trainers?: 'end' }
  | { is: 'tick' }
  | { is: 'queue'; spec: JobSpec }
  | { is: 'stop'; job: string }
  | { is: 'resume'; job: string }
  /** A person wants models without a job. */
  | {
      is: 'download_wanted';
      download: string;
      models: readonly string[];
      cache: boolean;
      replace: boolean;
    }
  | { is: 'download_unwanted'; download: string }
  /** The edge is done with a download, of a job (`jobDownload`) or of its own. */
  | { is: 'downloaded'; download: string; end: DownloadEnd }
  | { is: 'prepared'; job: string; from: CheckpointRef | null }
  | { is: 'spawned'; job: string; attempt: number; shepherd: ProcessRef; trainer: ProcessRef }
  | {
      is: 'spawn_failed';
      job: string;
      attempt: number;
      reason: string;
      permanent: boolean;
      from: CheckpointRef | null;
    }
  | { is: 'adopted'; job: string; attempt: number; shepherd: ProcessRef; trainer: ProcessRef }
  | { is: 'never_ran'; job: string; attempt: number }
  | { is: 'beat'; job: string; attempt: number; beat: Beat }
  /** A checkpoint that this attempt saved holds a NaN; `where`: file and tensor. */
  | { is: 'weights'; job: string; attempt: number; checkpoint: CheckpointRef; where: string }
  /** Several steps that the edge timed one by one, up to `step`: the same as a beat for each at its own
   * time, where none took long enough to be looked at. */
  | { is: 'steps'; job: string; attempt: number; step: number; seconds: number; bins: Bins }
  | {
      is: 'outside';
      job: string;
      attempt: number;
      cpu_seconds: number;
      io_bytes: number;
      log_bytes: number;
      gpu_ratio: number | null;
      /** A process of the group waits for storage (state D, or asleep in a file system), or the
       * daemon's own reading on the same volume does. */
      storage_wait: boolean;
    }
  /** `letter`: T when any process of the group is stopped by a signal. */
  | { is: 'process_state'; job: string; attempt: number; letter: string }
  | { is: 'evidence'; job: string; attempt: number; path: string; files: number; seconds: number }
  | { is: 'evidence_removed'; job: string; attempts: readonly number[]; bytes: number }
  | { is: 'killed'; job: string; attempt: number; seconds: number; escalated: boolean }
  | { is: 'unkillable'; job: string; attempt: number; survivors: readonly number[]; why: string }
  /** What an earlier life of a job left running cannot be ended; no attempt of it is under way. */
  | { is: 'leftovers'; job: string; survivors: readonly number[]; why: string }
  | {
      is: 'exited';
      job: string;
      attempt: number;
      ending: Omit<Ending, 'stepped' | 'step' | 'resumed_from' | 'target_step' | 'loss'>;
      from: CheckpointRef | null;
      artefact_path: string | null;
    }
  /** `free_bytes`: room left on the volume it lies on, absent where that could not be told. */
  | { is: 'checkpoint'; job: string; checkpoint: CheckpointRef; free_bytes?: number }
  | {
      is: 'room';
      job: string;
      free_bytes: number;
      needed_bytes: number;
      pruned: readonly string[];
      pruned_bytes: number;
    }
  | { is: 'quarantined'; job: string; step: number; path: string; to: string; reason: string }
  /** Something the outbox did, or is about to do. */
  | { is: 'mail'; event: MailEvent }
  | { is: 'follow_up'; job: string; task: FollowUp; spec: unknown }
  | { is: 'followed_up'; job: string; task: FollowUp; id: number; outcome: Outcome };

/** What became of one try of a follow-up. `permanent`: another try would fail the same way.
 * `retry_after`: seconds that the other side asked us to wait, null where it did not. */
export type Outcome =
  | { readonly is: 'done'; readonly places: readonly string[]; readonly note?: string }
  | {
      readonly is: 'failed';
      readonly reason: string;
      readonly remedy: string;
      readonly permanent: boolean;
      readonly retry_after: number | null;
    };

/** One sign of life, from a heartbeat file or a log line; absent facts null. */
export interface Beat {
  readonly step: number | null;
  readonly total: number | null;
  readonly epoch: number | null;
  readonly loss: number | null;
  /** The open phases, outermost first; null where the source knows none. */
  readonly phases: readonly string[] | null;
}

/** What the core asks of the edges. Each is safe to repeat. */
export type Command =
  /** Have these models on disk, each file proved; asked for again after a restart. */
  | {
      do: 'download';
      download: string;
      models: readonly string[];
      cache: boolean;
      replace: boolean;
    }
  | { do: 'cancel_download'; download: string }
  /** Find the checkpoint to start from: one from before step `below`, with finite weights, if given. */
  | { do: 'prepare'; job: string; below: number | null }
  | {
      do: 'spawn';
      job: string;
      attempt: number;
      from: CheckpointRef | null;
      knobs: Readonly<Record<Knob, number>>;
    }
  | { do: 'adopt'; job: string; attempt: number }
  | { do: 'observe'; job: string; attempt: number }
  | { do: 'continue'; job: string; attempt: number }
  | { do: 'evidence'; job: string; attempt: number; why: string }
  | { do: 'kill'; job: string; attempt: number }
  /** Move a checkpoint that the trainer could not load out of its sight. */
  | { do: 'quarantine'; job: string; checkpoint: CheckpointRef; reason: string }
  /** Remove older verified checkpoints and say how much room there is. */
  | { do: 'make_room'; job: string }
  | { do: 'follow_up'; job: string; task: FollowUp; id: number };

/** What the edge of one job's attempts is asked, and what that of the downloads. */
export type JobCommand = Extract<Command, { job: string }>;
export type DownloadCommand = Extract<Command, { download: string }>;
