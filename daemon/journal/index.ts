export { JournalClosed, JournalDamaged, NotAJournal } from './errors.js';
export type { JournalFs } from './fs.js';
export { nodeFs } from './fs.js';
export { type Holder, type ProcessIdentity, processIdentity } from './identity.js';
export { acquireLock, type Lock, type LockOptions } from './lock.js';
export { LockHeld } from './lock-held.js';
export { openJournal } from './open.js';
export { entries, type ReadOptions, readJournal } from './read.js';
export { type Recording, readRecording } from './recording.js';
export type {
  Appended,
  Compaction,
  Entry,
  Health,
  Journal,
  JournalOptions,
  Opened,
  Repair,
  Timer,
} from './types.js';
