/** The door of the process room: starting, finding again, watching and ending one attempt. */
export { type Exit, readExit, readRef } from './attempt-dir.js';
export { collectEvidence, type Evidence } from './evidence.js';
export { untilExit } from './exit-watch.js';
export { type Grace, type Killed, kill, type Target, wake } from './kill.js';
export { type Launch, type Launched, LaunchFailed, launch } from './launch.js';
export { lineageOf, members } from './lineage.js';
export { capLog } from './log-cap.js';
export { anyStopped, type Look, lookAt, stateLetter, type Usage, usage } from './outside.js';
export { packageFile } from './package-file.js';
export { bootId, isAlive, type ProcessRef, readStat, refOf } from './proc.js';
export { type Found, settle } from './settle.js';
export { type Standby, startStandby } from './standby.js';
export { tether } from './tether.js';
