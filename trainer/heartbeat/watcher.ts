import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { watch } from 'chokidar';
import { parseHeartbeat } from './format.js';
import { type Merged, Ranks } from './ranks.js';

export interface WatchOptions {
  readonly dir: string;
  readonly attempt: number;
  /** inotify sees nothing on network volumes: there the files are polled. */
  readonly polling: boolean;
  readonly poll_seconds: number;
  /** Everywhere the folder is read at this interval too, should a notice be lost. */
  readonly backstop_seconds: number;
  readonly onBeat: (merged: Merged) => void;
  /** Told once for each distinct problem. */
  readonly onProblem: (file: string, problem: string) => void;
}

export interface HeartbeatWatcher {
  /** Reads what is there now; resolves when it was told. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const RANK_FILE = /^rank-\d+\.json$/;

/** Watches an attempt's heartbeat folder, which must exist. */
export function watchHeartbeats(options: WatchOptions): HeartbeatWatcher {
  const ranks = new Ranks(options.attempt);
  const told = new Set<string>();
  let closed = false;

  const read = async (name: string): Promise<void> => {
    const text = await readFile(join(options.dir, name), 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        // Between a writer's unlink and its rename: the next notice brings it.
        if (error.code === 'ENOENT') return null;
        throw error;
      },
    );
    if (text === null || closed) return;
    const parsed = parseHeartbeat(text);
    if (parsed.ok) {
      if (ranks.take(parsed.beat)) options.onBeat(ranks.merged());
    } else if (!told.has(parsed.problem)) {
      told.add(parsed.problem);
      options.onProblem(name, parsed.problem);
    }
  };
  const guarded = (name: string): void => {
    read(name).catch((error: Error) => {
      if (!told.has(error.message)) {
        told.add(error.message);
        options.onProblem(name, error.message);
      }
    });
  };
  const refresh = async (): Promise<void> => {
    const names = (await readdir(options.dir)).filter((name) => RANK_FILE.test(name));
    await Promise.all(names.map(read));
  };

  const watcher = watch(options.dir, {
    depth: 0,
    ignoreInitial: false,
    persistent: false,
    usePolling: options.polling,
    interval: options.poll_seconds * 1000,
    // Renames replace the file: without this chokidar holds each notice back for 100 ms.
    atomic: false,
    ignored: (path, stats) =>
      stats?.isFile() === true && !RANK_FILE.test(path.slice(path.lastIndexOf('/') + 1)),
  });
  const onFile = (path: string): void => guarded(path.slice(path.lastIndexOf('/') + 1));
  watcher.on('add', onFile).on('change', onFile);
  watcher.on('error', (error) => options.onProblem(options.dir, (error as Error).message));
  const backstop = setInterval(() => {
    refresh().catch((error: Error) => options.onProblem(options.dir, error.message));
  }, options.backstop_seconds * 1000);
  backstop.unref();

  return {
    refresh,
    async close() {
      closed = true;
      clearInterval(backstop);
      await watcher.close();
    },
  };
}
