/** Where a trainer leaves its checkpoints. */
export interface CheckpointSpec {
  /**
   * Glob, absolute or relative to the trainer's working folder; may match files or folders. A
   * folder name that holds glob characters of its own must be escaped (`escapeGlob`).
   */
  glob: string;
  /**
   * Regular expression source. Its group named `step` (else `epoch`, else the first group) is
   * the number in the matched path, taken relative to the working folder where it lies below it.
   * The last match counts: the checkpoint's own name ends the path.
   */
  step: string;
  /** Steps in an epoch; turns an `epoch` group into a step. Without it the epoch stands for the step. */
  steps_per_epoch?: number;
  /** Names that hold epochs, and steps of the run that made them: kohya's layout. */
  count?: EpochCount;
  /** Files that a checkpoint folder must hold besides those of its layout. */
  needs?: string[];
  /** Only what was written after this (Unix milliseconds): what is older is of another run. */
  since?: number;
}

/** How the absolute step of a state of kohya's layout is told; see count.ts. Plain data. */
export interface EpochCount {
  /** The weights beside the states begin with this path; their metadata hold the batches. */
  stem: string;
  /** Given by a person where the metadata are left out; null otherwise. */
  batches_per_epoch: number | null;
  /** Batches that make a step; for `batches_per_epoch`. */
  accumulation: number;
  /** What the run is to reach; one of the two is known. */
  max_epochs: number | null;
  max_steps: number | null;
  /** Whether each state has a train_state.json. */
  state_tells: boolean;
}

/** A file or folder that bears a checkpoint's name; nothing is yet said about its contents. */
export interface Found {
  /** Absolute. */
  path: string;
  step: number;
  kind: 'file' | 'folder';
  /** Modification time of the file or of the folder itself, Unix milliseconds. */
  mtime_ms: number;
  /** Files it must hold besides those of its layout. */
  needs?: readonly string[];
}

/** What `stat` says of one file of a checkpoint. */
export interface FileStat {
  /** Relative to the checkpoint folder, `/` between levels; the base name where it is one file. */
  name: string;
  /** Bytes; -1 where the name is a link to nothing. */
  size: number;
  /** Unix nanoseconds in decimal: the number does not fit a double. */
  mtime_ns: string;
  inode: string;
}

/** The state of a checkpoint as `stat` tells it: cheap, and different after any write to it. */
export interface Fingerprint {
  /** SHA-256 over names, sizes, times and inodes, hexadecimal. */
  digest: string;
  /** Sum of the sizes. */
  bytes: number;
  files: FileStat[];
}

export interface ManifestFile {
  name: string;
  size: number;
  mtime_ns: string;
  /** Hexadecimal; null where the structure alone was verified. */
  sha256: string | null;
}

/** Our own statement that a checkpoint is whole; written last, after every file was looked at. */
export interface Manifest {
  v: 1;
  path: string;
  step: number;
  bytes: number;
  /** Unix seconds. */
  verified_at: number;
  files: ManifestFile[];
}

/**
 * - `torn`: cut short, zero-filled, or damaged inside
 * - `missing`: a file the layout needs is absent, left over from an earlier save, or a dead link
 * - `implausible`: its step cannot be
 * - `unstable`: it changed while being read; no judgement
 * - `empty`: a file of no bytes or a folder without files
 */
export type FaultKind = 'torn' | 'missing' | 'implausible' | 'unstable' | 'empty';

/** A refusal; `file` is relative to the checkpoint folder, or the checkpoint's own base name. */
export interface BadVerdict {
  ok: false;
  file: string;
  reason: string;
  kind: FaultKind;
}

export type Verdict = { ok: true; manifest: Manifest } | BadVerdict;

/** A verified checkpoint. */
export interface CheckpointRef {
  path: string;
  step: number;
  kind: 'file' | 'folder';
  bytes: number;
  mtime_ms: number;
  /** Unix seconds. */
  verified_at: number;
  /** False where the structure alone was verified so far. */
  hashed: boolean;
}

export interface BadCheckpoint {
  found: Found;
  verdict: BadVerdict;
}

/** What is wrong with one file. */
export interface FileFault {
  kind: FaultKind;
  reason: string;
}
