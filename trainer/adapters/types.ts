import type { CheckpointSpec } from '../checkpoints/index.js';
import type { AbsoluteRule, PhaseLine } from '../heartbeat/index.js';

/** Whether progress comes by heartbeat file, by the Python shim, from log lines, or is found out. */
export type HeartbeatSource = 'auto' | 'file' | 'shim' | 'log';

/** Where numbers are read from output: sources of regular expressions, null where not read. */
export interface LogPatterns {
  step: string | null;
  total: string | null;
  epoch: string | null;
  loss: string | null;
  /** Where the figures of `step` are not the run's own. */
  absolute?: AbsoluteRule;
  phases?: PhaseLine[];
}

/** One option of a named trainer, as a job file's `with` gives it. */
export type Option = string | number | boolean | (string | number | boolean)[];

/** Arguments and variables added to an attempt against a failure. `{seed}` in an argument is filled
 * in with a number of its own each time. */
export interface Knob {
  args: string[];
  env: Record<string, string>;
}

/** What a job declares against failures: for memory one knob after the other, for NaN one that
 * makes the next attempt differ. */
export interface Remedies {
  oom: Knob[];
  host_oom: Knob[];
  nan: Knob | null;
}

/** What an adapter needs to know of a job; a checked job file has this shape. */
export interface JobInput {
  name: string;
  trainer: string;
  command: string[] | null;
  /** Absolute. */
  cwd: string;
  env: Record<string, string>;
  heartbeat: HeartbeatSource;
  log: LogPatterns;
  checkpoints: { glob: string; step: string } | null;
  resume: { args: string[] } | null;
  /** `artefact` counts from `cwd` when relative. */
  done: { step: number | null; artefact: string | null };
  remedies: Remedies;
  with: Record<string, Option>;
}

/** What an adapter needs to know of this installation. */
export interface PlanContext {
  /** The home folder, absolute. */
  home: string;
  /** The folder under which jobs leave their results, absolute. */
  outputs: string;
  /** The embedded trainer's program and its images; by default its own. */
  referenceEntry?: () => string;
  referenceImages?: () => string;
  /** The program that makes the finished file of a last state; by default our own. */
  finishEntry?: () => string;
  /** PATH as the trainer would inherit it. */
  path?: string;
  /** Unix milliseconds; the system's clock unless given. */
  now?: () => number;
}

/** What an attempt that goes on from a checkpoint is run with. Placeholders: see resume.ts. */
export interface Resume {
  /** Appended to the arguments. */
  args: string[];
  /** Instead of `args` for a checkpoint whose name holds a step of its own attempt (the group `step`
   * of `checkpoints.step`). */
  by_step?: string[];
  /** Put before the arguments. */
  around?: string[];
  /** The whole command for a checkpoint that is the end of the run: one whose name holds neither an
   * epoch nor a step. */
  finished?: string[];
}

/** How one job is run, watched, resumed and known to be done. Plain data: it can be journalled. */
export interface TrainerPlan {
  trainer: string;
  /** The first attempt's arguments; `resumeArgs` gives those of a later one. */
  argv: string[];
  /** Absolute. */
  cwd: string;
  /** Added to the daemon's own environment. */
  env: Record<string, string>;
  heartbeat: HeartbeatSource;
  log: LogPatterns;
  /** `glob` counts from `cwd` when relative; `step` finds the step in a path. */
  checkpoints: CheckpointSpec | null;
  /** The weights that were saved on the way, by themselves, where they lie beside the checkpoints and
   * not in them; such as `checkpoints`. */
  weights?: CheckpointSpec;
  resume: Resume | null;
  done: Done;
  remedies: Remedies;
  /** What ends it gently, so that it saves first; SIGTERM where absent. */
  stop_signal?: 'SIGINT';
  /** What a publication may use: the token file of the trainer's own page, the base model's card. */
  origin?: Origin;
}

export interface Done {
  step: number | null;
  /** Absolute. */
  artefact: string | null;
  /** An artefact from before this (Unix milliseconds) is of an earlier run. */
  since?: number;
  /** The total that the trainer itself tells has to be reached. */
  total?: true;
}

/** Where a LoRA comes from. Paths are absolute; a token is never read here. */
export interface Origin {
  base_model?: string;
  license?: string;
  license_name?: string;
  license_link?: string;
  token_file?: string;
}

/** One trainer: turns a job into a plan, or throws an AdapterError. */
export type Adapter = (job: JobInput, context: PlanContext) => TrainerPlan;
