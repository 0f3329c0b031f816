/** The door of the core: pure decisions over events, state and clock readings. */
export { type AttemptReason, CAUSES, type Cause } from './causes.js';
export {
  asIfTicked,
  type Core,
  type Decision,
  decide,
  initialCore,
  jobDownload,
  looksApart,
  nextLook,
  type Outlook,
  quietGap,
  refuse,
} from './decide/index.js';
export { ettr, ettrLastHour } from './ettr.js';
export {
  type CheckpointRef,
  type DownloadEnd,
  type Entry,
  type Event,
  type EventOf,
  type EventType,
  type Exit,
  isDurable,
  type JobSpec,
  type ProcessRef,
} from './events.js';
export { FOLLOW_UPS, type FollowUp, type Task } from './follow-ups.js';
export { type GpuUse, gpuMemoryHeld, type Held } from './gpu-memory.js';
export { type Losses, meanLoss } from './losses.js';
export {
  type HangFacts,
  type Letter,
  MAIL_KINDS,
  type Mail,
  type MailEvent,
  type MailKind,
  type MailScope,
  type Notice,
  noticeKey,
} from './mail.js';
export type {
  Beat,
  Command,
  DownloadCommand,
  JobCommand,
  Observation,
  Outcome as FollowUpOutcome,
} from './observations.js';
export { PHASES, type Phase } from './phases.js';
export type { HangPolicy, Policy, RetryPolicy } from './policy.js';
export { fold, reduce } from './reduce.js';
export {
  type Difference,
  type Doubt,
  type Fact,
  type Outcome,
  type Replay,
  type ReplayedJob,
  replay,
} from './replay/index.js';
export { type EvidenceSet, evidenceToRemove } from './retention.js';
export { endUnderScheduler, endWhenTold } from './scheduled.js';
export { type Bins, binOf, quantile, type Sketch, secondsOf as secondsOfBin } from './sketch.js';
export {
  type Download,
  type Incident,
  initialState,
  isActive,
  isOver,
  type Job,
  type Run,
  type State,
} from './state.js';
export { type JobStatus, type Status, statusOf, type TaskStatus } from './status.js';
export { type StorageSigns, type Volume, waitsForStorage } from './storage.js';
export type { Now } from './time.js';
export { totalsOf } from './totals.js';
