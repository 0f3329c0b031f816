import type { Config, Model } from '../../../config/index.js';
import {
  download,
  downloadSettings,
  noProgress,
  type Progress,
  progressed,
} from '../../tasks/download/index.js';
import type { DownloadFlags } from '../commands/download.js';
import type { Context } from '../context.js';
import { Show } from './show.js';

export interface Here {
  readonly context: Context;
  readonly home: string;
  readonly config: Config;
  readonly models: readonly Model[];
  readonly flags: DownloadFlags;
  readonly signal: AbortSignal;
}

const REDRAW_MS = 200;

/** Downloads in this process, for as long as it lives. Null when it was interrupted. */
export async function runHere(options: Here): Promise<Progress | null> {
  const { context, home, config, models, flags, signal } = options;
  const seconds = () => performance.now() / 1000;
  // With --json stdout is for the outcome alone.
  const show = new Show(flags.json ? context.err : context.out);
  let progress = noProgress;
  const draw = () => show.update(progress, seconds());
  const timer = setInterval(draw, REDRAW_MS);
  try {
    await download({
      models,
      home,
      env: context.env,
      settings: downloadSettings(config, home),
      report: (event) => {
        progress = progressed(progress, event, seconds());
      },
      signal,
      cache: flags.cache ?? false,
      replace: flags.replace ?? false,
    });
    draw();
    return progress;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    clearInterval(timer);
    show.end();
  }
}
