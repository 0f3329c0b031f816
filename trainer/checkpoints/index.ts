/** Checkpoints: find them, verify them, remember what was found, move the bad ones away. */
export { writeAtomic } from './atomic.js';
export { isOfRun, stepsPerEpoch } from './count.js';
export { escapeGlob, findCheckpoints } from './find.js';
export { fingerprint } from './fingerprint.js';
export { findNaN, findNonFinite } from './finite.js';
export { metadataOf } from './metadata.js';
export type { Quarantined } from './quarantine.js';
export type { OpenFile } from './reader.js';
export type { Problem } from './records.js';
export {
  type CheckpointStore,
  type CheckpointStoreOptions,
  type ChooseOptions,
  createCheckpointStore,
  type LookOptions,
  type ScanOptions,
  type ScanResult,
} from './store.js';
export type {
  BadCheckpoint,
  BadVerdict,
  CheckpointRef,
  CheckpointSpec,
  FaultKind,
  FileStat,
  Fingerprint,
  Found,
  Manifest,
  ManifestFile,
  Verdict,
} from './types.js';
export { type VerifyOptions, verifyCheckpoint } from './verify.js';
