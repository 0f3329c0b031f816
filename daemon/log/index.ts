export { openLog } from './open.js';
export { redact } from './redact.js';
export { journalToLog, type Sentence } from './sentences.js';
export type { Fields, Level, Log, LogOptions } from './types.js';
export { BECAUSE, duration, plural, size } from './words.js';
