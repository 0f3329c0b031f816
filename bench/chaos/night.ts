import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { findDaemon } from '../../daemon/cli/client.js';
import { endMarked, killMarked, MARK, markedEnv } from '../../daemon/cli/demo/ours.js';
import { isOver } from '../../daemon/cli/jobs.js';
import { waitFor } from '../../daemon/cli/wait.js';
import type { Entry, JobStatus } from '../../daemon/core/index.js';
import { type Home, makeHome, unmount } from './home.js';
import { jobFile } from './jobs.js';
import { Keeper } from './keeper.js';
import type { Deed, Plan } from './plan.js';
import { processesNaming } from './processes.js';
import type { Made } from './progress-eye.js';
import { Stage } from './stage.js';
import type { Watchman } from './watchman.js';

const ASK_MS = 50;
/** Between a job's end and the end of its last process. */
const QUIET_WITHIN_MS = 3000;

/** What was seen of one run. */
export interface Night {
  readonly plan: Plan;
  readonly home: Home;
  readonly entries: readonly Entry[];
  /** As the daemon told it, each different answer once. */
  readonly told: readonly JobStatus[];
  /** The last answer, from after the end; null when there was none. */
  readonly last: JobStatus | null;
  readonly over: boolean;
  readonly made: readonly Made[];
  /** What was done from outside and when (Unix seconds). */
  readonly done: readonly { readonly deed: Deed; readonly time: number }[];
  readonly starts: number;
  readonly wrong: readonly string[];
  readonly seconds: number;
  /** Removes the home, or keeps it for a look. */
  clear(keep: boolean): void;
}

/** Runs a plan in a home of its own under `dir`, to its end or its limit. All it started is ended. */
export async function play(
  plan: Plan,
  dir: string,
  watchman: Watchman,
  signal: AbortSignal,
): Promise<Night> {
  const began = performance.now();
  const home = makeHome(mkdtempSync(join(dir, `run-${plan.n}-`)), plan);
  const mark = randomUUID();
  const atExit = () => killMarked(mark);
  process.once('exit', atExit);
  const wrong: string[] = [];
  const note = (what: string): void => {
    if (!wrong.includes(what) && wrong.length < 20) wrong.push(what);
  };
  const keeper = new Keeper(home.root, markedEnv(process.env, mark));
  const over = new AbortController();
  const stage = new Stage(home, plan, keeper, over.signal);
  const unwatch = watchman.watch(home.lineage, note);
  const told = new Map<string, JobStatus>();
  let last: JobStatus | null = null;
  let isEnd = false;
  try {
    await keeper.start();
    await keeper.client?.queue(join(home.root, 'job.yaml'), jobFile(plan, home.work));
    stage.begin();
    const until = began + plan.limit_seconds * 1000;
    while (!isEnd && performance.now() < until && !signal.aborted) {
      const job = await keeper.job();
      if (job !== null) told.set(JSON.stringify({ ...job, ettr: null }), job);
      isEnd = job !== null && isOver(job);
      if (!isEnd) await delay(ASK_MS);
    }
    over.abort();
    await stage.settled();
    await keeper.settled();
    last = await keeper.job();
    const left = await leftOver([`NIGHTWARDEN_ATTEMPT_ID=${home.lineage}/`]);
    if (isEnd && left !== null) note(`left over after the end of the job: ${left}`);
    await keeper.end();
    const more = await leftOver([home.root, `${MARK}=${mark}`]);
    if (isEnd && more !== null) note(`left over after the end of the daemon: ${more}`);
  } catch (error) {
    note((error as Error).message);
  } finally {
    over.abort();
    const daemon = findDaemon(home.root)?.pid;
    const deathless = await endMarked(mark, daemon === undefined ? [] : [daemon]);
    if (deathless.length > 0) note(`would not end: ${deathless.join(', ')}`);
    stage.close();
    unwatch();
    process.off('exit', atExit);
  }
  return {
    plan,
    home,
    entries: stage.entries,
    told: [...told.values()],
    last,
    over: isEnd,
    made: stage.made,
    done: stage.done,
    starts: keeper.starts,
    wrong: [...wrong, ...keeper.wrong, ...stage.wrong],
    seconds: (performance.now() - began) / 1000,
    clear(keep) {
      unmount(home, keep);
      if (!keep) rmSync(home.root, { recursive: true, force: true });
    },
  };
}

/** Who still lives, in words, once those on their way out had time to go; null for nobody. */
async function leftOver(words: readonly string[]): Promise<string | null> {
  let left = processesNaming(words);
  await waitFor(
    () => {
      left = processesNaming(words).filter(({ pid }) => pid !== process.pid);
      return left.length === 0 ? true : null;
    },
    QUIET_WITHIN_MS,
    { everyMs: 100 },
  );
  if (left.length === 0) return null;
  return left.map(({ pid, command }) => `${pid} (${command})`).join(', ');
}
