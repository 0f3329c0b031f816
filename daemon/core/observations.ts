import type { Ending } from './classify.js';
import type { CheckpointRef, JobSpec, ProcessRef } from './events.js';

/** What the edges tell the core. */
export type Observation =
  | { is: 'daemon_up'; pid: number; version: string; boot_id: string }
  | { is: 'daemon_stopping'; reason: string }
  | { is: 'tick' }
  | { is: 'queue'; spec: JobSpec }
  | { is: 'stop'; job: string }
  | { is: 'resume'; job: string }
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
  | {
      is: 'outside';
      job: string;
      attempt: number;
      cpu_seconds: number;
      io_bytes: number;
      log_bytes: number;
      gpu_ratio: number | null;
    }
  | { is: 'process_state'; job: string; attempt: number; letter: string }
  | { is: 'evidence'; job: string; attempt: number; path: string; files: number; seconds: number }
  | { is: 'killed'; job: string; attempt: number; seconds: number; escalated: boolean }
  | { is: 'unkillable'; job: string; attempt: number; survivors: readonly number[]; why: string }
  | {
      is: 'exited';
      job: string;
      attempt: number;
      ending: Omit<Ending, 'stepped' | 'step' | 'target_step' | 'loss'>;
      from: CheckpointRef | null;
      artefact_path: string | null;
    }
  | { is: 'checkpoint'; job: string; checkpoint: CheckpointRef }
  | { is: 'quarantined'; job: string; step: number; path: string; to: string; reason: string };

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
  | { do: 'prepare'; job: string }
  | { do: 'spawn'; job: string; attempt: number; from: CheckpointRef | null }
  | { do: 'adopt'; job: string; attempt: number }
  | { do: 'observe'; job: string; attempt: number }
  | { do: 'continue'; job: string; attempt: number }
  | { do: 'evidence'; job: string; attempt: number; why: string }
  | { do: 'kill'; job: string; attempt: number };
