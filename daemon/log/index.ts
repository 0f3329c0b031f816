export { openLog } from './open.js';
export { journalToLog, type Sentence } from './sentences.js';
export type { Fields, Level, Log, LogOptions } from './types.js';
