import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Problem, parseHeartbeat } from './format.js';
import { type Notices, watchFolder } from './notices.js';
import { type Merged, Ranks } from './ranks.js';

export interface WatchOptions {
  readonly dir: string;
  readonly attempt: number;
  /** inotify sees nothing on network volumes: there the files are polled. */
  readonly polling: boolean;
  /** Twice this lies between two reads of a file that is written all the time. */
  readonly poll_seconds: number;
  /** Everywhere the folder is read at this interval too, should a notice be lost. */
  readonly backstop_seconds: number;
  readonly onBeat: (merged: Merged) => void;
  /** Told once for each distinct problem of a file. */
  readonly onProblem: (file: string, problem: string) => void;
}

export interface HeartbeatWatcher {
  /** Reads what is there now; resolves when it was told. Never rejects: problems are told. */
  refresh(): Promise<void>;
  close(): Promise<void>;
}

const RANK_FILE = /^rank-(\d+)\.json$/;

/** Watches an attempt's heartbeat folder, which must exist. */
export function watchHeartbeats(options: WatchOptions): HeartbeatWatcher {
  const ranks = new Ranks(options.attempt);
  const told = new Set<string>();
  const reading = new Map<string, { again: boolean; done: Promise<void> }>();
  let closed = false;

  const tell = (file: string, { about, problem }: Problem): void => {
    const key = `${file} ${about}`;
    if (told.has(key) || closed) return;
    told.add(key);
    options.onProblem(file, problem);
  };
  const tellError = (file: string, error: NodeJS.ErrnoException): void =>
    tell(file, { about: error.code ?? error.message, problem: error.message });

  const readOnce = async (name: string): Promise<void> => {
    const text = await readFile(join(options.dir, name), 'utf8').catch(
      (error: NodeJS.ErrnoException) => {
        // Between a writer's unlink and its rename: the next notice brings it.
        if (error.code !== 'ENOENT') tellError(name, error);
        return null;
      },
    );
    if (text === null || closed) return;
    const parsed = parseHeartbeat(text, Number(RANK_FILE.exec(name)?.[1]));
    if (!parsed.ok) return tell(name, parsed);
    for (const doubt of parsed.doubts) tell(name, doubt);
    if (ranks.take(parsed.beat)) options.onBeat(ranks.merged());
  };
  /** One read of a file at a time, so that an older content cannot arrive after a newer one; a notice
   * that comes meanwhile makes for another read, since the running one may have missed its cause. */
  const read = (name: string): Promise<void> => {
    const running = reading.get(name);
    if (running !== undefined) {
      running.again = true;
      return running.done;
    }
    const state = { again: true, done: Promise.resolve() };
    reading.set(name, state);
    const work = async (): Promise<void> => {
      try {
        while (state.again && !closed) {
          state.again = false;
          await readOnce(name);
        }
      } finally {
        reading.delete(name);
      }
    };
    state.done = work();
    return state.done;
  };
  const refresh = async (): Promise<void> => {
    const names = await readdir(options.dir).catch((error: NodeJS.ErrnoException) => {
      tellError(options.dir, error);
      return [];
    });
    await Promise.all(names.filter((name) => RANK_FILE.test(name)).map(read));
  };

  const { dir, polling, poll_seconds } = options;
  let backstop = setInterval(refresh, options.backstop_seconds * 1000);
  let resting: NodeJS.Timeout | null = null;
  let opened = 0;
  /** A trainer may write a hundred times a second: after a notice the folder is left unwatched for
   * two polls' time, and then read, whatever happened meanwhile. */
  const rest = (): void => {
    void notices.close();
    const rested = (): void => {
      if (!closed) notices = open();
    };
    resting = setTimeout(rested, 2 * poll_seconds * 1000).unref();
  };
  const notice = (name: string): void => {
    if (closed || !RANK_FILE.test(name)) return;
    // One that comes right after a rest is of a busy writer, and the next rest ends with a look.
    const busy = !polling && performance.now() - opened < poll_seconds * 1000;
    if (!busy) void read(name);
    if (!polling) rest();
  };
  const onError = (error: NodeJS.ErrnoException): void => {
    tellError(dir, error);
    // Without notices the folder is read as often as it would be polled.
    clearInterval(backstop);
    if (!closed) backstop = setInterval(refresh, poll_seconds * 1000);
  };
  const open = (): Notices => {
    opened = performance.now();
    const now = watchFolder({
      dir,
      polling,
      poll_seconds,
      names: RANK_FILE,
      onFile: notice,
      onError,
    });
    // What was there before, or came while nothing was watched.
    void now.ready.then(refresh);
    return now;
  };
  let notices = open();

  return {
    refresh,
    async close() {
      closed = true;
      clearInterval(backstop);
      if (resting !== null) clearTimeout(resting);
      await notices.close();
    },
  };
}
