import type { DownloadCommand, DownloadEnd, Observation } from '../../core/index.js';
import { backoff } from './backoff.js';
import { type Child, startChild } from './child.js';
import type { DownloadEvent } from './events.js';
import { noProgress, type Progress, progressed } from './progress.js';
import type { DownloadSettings } from './session.js';
import { sleep } from './wait.js';
import type { Refused } from './worker.js';

export interface DownloadContext {
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly settings: DownloadSettings;
  readonly observe: (seen: Observation) => Promise<void>;
  /** Bytes of a model that came, and the size of a model, for the metrics. */
  readonly onBytes: (model: string, bytes: number) => void;
  readonly onSize: (model: string, bytes: number) => void;
  readonly log: {
    warn(message: string, fields?: Record<string, unknown>): void;
    error(message: string, fields?: Record<string, unknown>): void;
  };
}

/** The downloads of a daemon, each a process of its own. */
export interface DownloadTasks {
  execute(command: DownloadCommand): void;
  /** How one that goes on here, or has ended here, stands; null for any other. */
  progress(download: string): { readonly progress: Progress; readonly now: number } | null;
  /** Ends the processes; the next daemon starts them again. */
  close(): Promise<void>;
}

/** A process that dies without a word this often in a row (out of memory, a fault of ours) stays so. */
const DEATHS = 5;

export function createDownloadTasks(context: DownloadContext): DownloadTasks {
  const running = new Map<
    string,
    { readonly over: AbortController; readonly done: Promise<void> }
  >();
  const shown = new Map<string, Progress>();
  const seconds = () => performance.now() / 1000;

  const take = (download: string, event: DownloadEvent): void => {
    const before = shown.get(download) ?? noProgress;
    shown.set(download, progressed(before, event, seconds()));
    if (event.type === 'bytes') {
      const file = before.files.find(({ file }) => file === event.file);
      if (file !== undefined) context.onBytes(file.model, event.bytes);
    } else if (event.type === 'planned') {
      for (const [model, size] of sizes(event)) context.onSize(model, size);
    } else if ((event.type === 'waiting' || event.type === 'discarded') && event.why !== null) {
      context.log.warn(`download ${download}: ${event.why}`, { ...event });
    }
  };

  const run = async (
    { download, models, cache, replace }: Extract<DownloadCommand, { do: 'download' }>,
    signal: AbortSignal,
  ): Promise<DownloadEnd | null> => {
    const { home, settings, environment } = context;
    for (let deaths = 1; ; deaths++) {
      shown.delete(download);
      const work = { home, models, cache, replace, settings };
      const child: Child = startChild(work, environment, (event) => take(download, event));
      signal.addEventListener('abort', child.end, { once: true });
      const outcome = await child.outcome;
      signal.removeEventListener('abort', child.end);
      if (signal.aborted) return null;
      if (outcome.is === 'over') return endOf(outcome.refused, shown.get(download) ?? noProgress);
      context.log.error(`download ${download}: its process died: ${outcome.why}`);
      if (deaths >= DEATHS) {
        const reason = `The process that downloads died ${deaths} times, last: ${outcome.why}`;
        return { is: 'failed', reason, remedy: 'Look at the memory of this machine and its log.' };
      }
      await sleep(backoff(deaths, Math.random()), signal).catch(() => {});
      if (signal.aborted) return null;
    }
  };

  const start = (command: Extract<DownloadCommand, { do: 'download' }>): void => {
    const { download } = command;
    if (running.has(download)) return;
    const over = new AbortController();
    const done = run(command, over.signal)
      .catch((error: Error): DownloadEnd => {
        context.log.error(`download ${download}: ${error.message}`, { stack: error.stack });
        return { is: 'failed', reason: error.message, remedy: "Look at the daemon's log." };
      })
      .then(async (end) => {
        running.delete(download);
        if (end !== null) await context.observe({ is: 'downloaded', download, end });
      });
    running.set(download, { over, done });
  };

  return {
    execute(command) {
      if (command.do === 'download') start(command);
      else running.get(command.download)?.over.abort();
    },
    progress(download) {
      const progress = shown.get(download);
      return progress === undefined ? null : { progress, now: seconds() };
    },
    async close() {
      const all = [...running.values()];
      for (const { over } of all) over.abort();
      await Promise.all(all.map(({ done }) => done));
    },
  };
}

function sizes({ files }: Extract<DownloadEvent, { type: 'planned' }>): Map<string, number> {
  const byModel = new Map<string, number>();
  for (const { model, size } of files) byModel.set(model, (byModel.get(model) ?? 0) + size);
  return byModel;
}

function endOf(refused: Refused | null, { files }: Progress): DownloadEnd {
  if (refused !== null) return { is: 'failed', ...refused };
  return {
    is: 'finished',
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
  };
}
