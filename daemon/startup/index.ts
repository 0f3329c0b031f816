/** The door of start-up: the pieces that daemon/main.ts puts together. */
export { announceAt } from './announce-at.js';
export { type Announcement, announce, type Teller } from './announcement.js';
export type { AskedFollowUp } from './ask-follow-up.js';
export { abandon, type Begun } from './begun.js';
export { bringFirst } from './bring-first.js';
export { beginEngine, clock, openStamped } from './core-engine.js';
export { createEdges } from './edges.js';
export { endWhenDone } from './end-when-done.js';
export { lifeOf } from './life.js';
export { type MailSetup, mailSetup, newMessageId, startMail } from './mail.js';
export { jobSpecOf, type Queued, queueJob } from './queue-job.js';
export { isScheduled, tetherOf } from './scheduler.js';
export { secretOf } from './secret-of.js';
export { served } from './served.js';
export { policyOf, trainSettings } from './settings.js';
export { takeLock } from './take-lock.js';
export { version } from './version.js';
export { isNetworkVolume } from './volume.js';
