/** The door of the download task: models from the Hub to their places, each file proved. */
export { type DownloadOptions, download, type Failure } from './download.js';
export { DownloadError, type RefusalKind } from './errors.js';
export type { DownloadEvent, FileFacts, Report } from './events.js';
export {
  type FileProgress,
  noProgress,
  type Progress,
  progressed,
  rateOf,
  totals,
} from './progress.js';
export type { DownloadSettings } from './session.js';
export { downloadSettings } from './settings.js';
export { createDownloadTasks, type DownloadTasks } from './task.js';
export { readToken, type Token } from './token.js';
export { formatSize } from './words.js';
