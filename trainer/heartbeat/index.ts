/** The door of the heartbeat room: signs of life from files and from output. */

export type { AbsoluteRule } from './absolute.js';
export { type Heartbeat, parseHeartbeat } from './format.js';
export { LogFollower } from './log-follower.js';
export { type LogPatterns, LogProgress } from './log-progress.js';
export type { PhaseLine } from './phase-lines.js';
export { type Merged, Ranks } from './ranks.js';
export { type HeartbeatWatcher, type WatchOptions, watchHeartbeats } from './watcher.js';
