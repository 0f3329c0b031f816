import type { TrainerPlan } from '../../../trainer/adapters/index.js';
import type { CheckpointStore } from '../../../trainer/checkpoints/index.js';
import type { Job, Observation } from '../../core/index.js';
import type { JobPaths } from './paths.js';

/** What the train task needs of the rest of the daemon, and nothing more. */
export interface TrainContext {
  readonly home: { readonly root: string; readonly state: string; readonly logs: string };
  readonly job: () => Job | undefined;
  readonly observe: (seen: Observation) => Promise<void>;
  /** How busy the busiest GPU is, 0 to 1; null where nobody can say. */
  readonly gpuRatio: () => number | null;
  readonly environment: NodeJS.ProcessEnv;
  /** Words in front of every command, by which it dies with this daemon; none where it may not. */
  readonly tether: readonly string[];
  /** A secret by the name of its variable; null where there is none. */
  readonly secret: (name: string) => string | null;
  readonly settings: TrainSettings;
  readonly log: {
    warn(message: string, fields?: Record<string, unknown>): void;
    error(message: string, fields?: Record<string, unknown>): void;
  };
}

export interface TrainSettings {
  readonly poll_seconds: number;
  readonly backstop_seconds: number;
  readonly polling: boolean;
  readonly scan_seconds: number;
  readonly settle_seconds: number;
  readonly grace_seconds: number;
  readonly verify_seconds: number;
  /** What asks a trainer to end; SIGTERM unless given. */
  readonly signal?: NodeJS.Signals;
  readonly evidence_seconds: number;
  readonly evidence_keep: number;
  readonly evidence_max_bytes: number;
  readonly log_max_bytes: number;
}

/** What is journalled of how a job is run. */
export interface TrainPlan extends TrainerPlan {
  /** The job's own way of being ended; null where the configuration's holds. */
  readonly kill: {
    readonly grace_seconds: number;
    readonly verify_seconds: number;
    readonly signal?: NodeJS.Signals;
  } | null;
  /** Names of variables with secrets that this job's trainer is given; none where absent. The secrets
   * themselves are journalled nowhere. */
  readonly secrets?: readonly string[];
}

/** One job's fixed surroundings. */
export interface Surroundings extends TrainContext {
  readonly name: string;
  readonly plan: TrainPlan;
  readonly paths: JobPaths;
  readonly lineage: string;
  readonly store: CheckpointStore;
}
