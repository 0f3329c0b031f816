/** The door of start-up: the pieces that daemon/main.ts puts together. */
export { type Announcement, announce, type Teller } from './announcement.js';
export { type AskedFollowUp, askFollowUp } from './ask-follow-up.js';
export { bringJob } from './bring-job.js';
export { demoJob } from './demo-job.js';
export { downloadDoor } from './downloads.js';
export { createEdges } from './edges.js';
export { type MailSetup, mailSetup, newMessageId, startMail } from './mail.js';
export { openDaemonJournal } from './open-journal.js';
export { jobSpecOf, type Queued, queueJob } from './queue-job.js';
export { isScheduled } from './scheduler.js';
export { secretOf } from './secret-of.js';
export { policyOf, trainSettings } from './settings.js';
export { takeLock } from './take-lock.js';
export { version } from './version.js';
export { isNetworkVolume } from './volume.js';
