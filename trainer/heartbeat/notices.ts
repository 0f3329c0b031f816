import { watch as watchByKernel } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { watch as watchByPolling } from 'chokidar';

export interface NoticeOptions {
  readonly dir: string;
  /** inotify sees nothing on network volumes: there the files are polled. */
  readonly polling: boolean;
  readonly poll_seconds: number;
  /** What the files of interest are called. */
  readonly names: RegExp;
  /** Something happened to a file of this name, or to another. */
  readonly onFile: (name: string) => void;
  /** From now on every notice may be missing. */
  readonly onError: (error: NodeJS.ErrnoException) => void;
}

export interface Notices {
  /** Resolves once every change is noticed that comes after. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** How long chokidar may take to have set itself up, in ms, before it is closed all the same. */
const READY_WITHIN_MS = 1000;

/** Notices of changes in one folder, which must exist. */
export function watchFolder(options: NoticeOptions): Notices {
  return options.polling ? byPolling(options) : byKernel(options);
}

/** Not by chokidar: at each notice it reads the whole folder anew, and ten beats a second cost it ten
 * times what reading them costs. */
function byKernel({ dir, onFile, onError }: NoticeOptions): Notices {
  try {
    const watcher = watchByKernel(dir, (_event, name) => {
      if (name !== null) onFile(name);
    });
    watcher.on('error', onError);
    return { ready: Promise.resolve(), close: async () => watcher.close() };
  } catch (error) {
    // No inotify watch to be had, most likely: all containers of a host share them.
    onError(error as NodeJS.ErrnoException);
    return { ready: Promise.resolve(), close: async () => {} };
  }
}

function byPolling({ dir, poll_seconds, names, onFile, onError }: NoticeOptions): Notices {
  const watcher = watchByPolling(dir, {
    depth: 0,
    usePolling: true,
    interval: poll_seconds * 1000,
    atomic: false,
    ignored: (path, stats) => stats?.isFile() === true && !names.test(basename(path)),
  });
  const notice = (path: string | null): void => onFile(basename(path ?? ''));
  // Its events are held back for up to 50 ms after the one before, and the last of a burst of
  // renames is dropped; its raw ones come each time something is seen.
  watcher.on('add', notice).on('raw', (_event, path) => notice(path));
  watcher.on('error', (error) => onError(error as NodeJS.ErrnoException));
  const ready = new Promise<void>((resolve) => watcher.on('ready', resolve));
  return {
    ready,
    async close() {
      // Closed while it is still setting up, chokidar leaves timers and watches behind.
      await Promise.race([ready, delay(READY_WITHIN_MS, undefined, { ref: false })]);
      await watcher.close();
    },
  };
}
