export { replay } from './replay.js';
export type { Difference, Doubt, Fact, Outcome, Replay, ReplayedJob } from './types.js';
