import { resolve } from 'node:path';
import type { Config } from '../../../config/index.js';
import type { DownloadSettings } from './session.js';

/** The configuration's part, its folder made absolute. */
export function downloadSettings(config: Pick<Config, 'download'>, home: string): DownloadSettings {
  return { ...config.download, folder: resolve(home, config.download.folder) };
}
