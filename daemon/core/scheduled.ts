import { isOver, type State } from './state.js';

/** The exit codes of a daemon that runs as a scheduler's job (README, exit codes). */
export const ENDS = { done: 0, stopped: 1, elsewhere: 33, forGood: 93 } as const;

/**
 * Under a scheduler a daemon with nothing left to do ends, and its exit code says what the scheduler
 * is to do; null while there is something to do here, or nothing was ever asked for. A bad host goes
 * before a job that gave up: what is left can still be done elsewhere.
 */
export function endUnderScheduler(state: State): number | null {
  const jobs = Object.values(state.jobs);
  if (jobs.length === 0) return null;
  // On a bad host nothing is started, and what it holds back will not go on here.
  const here = jobs.filter((job) => 'attempt' in job.run);
  if (state.host_bad !== null && here.length === 0 && !jobs.every(isOver)) return ENDS.elsewhere;
  if (!jobs.every(isOver) || isFollowed(state)) return null;
  const failed = jobs.flatMap(({ run }) => (run.at === 'failed' ? [run.cause] : []));
  // A network that never came may be this node's own.
  if (failed.length > 0)
    return failed.every((cause) => cause === 'network') ? ENDS.elsewhere : ENDS.forGood;
  return jobs.some(({ run }) => run.at === 'stopped') ? ENDS.stopped : ENDS.done;
}

/** The same for one that is told to go before it is done: whatever is left can be done elsewhere. */
export function endWhenTold(state: State): number {
  return endUnderScheduler(state) ?? (isIdle(state) ? ENDS.done : ENDS.elsewhere);
}

/** What follows a training, or was asked for beside it, is under way or waits to be tried again. */
function isFollowed({ jobs, downloads = {} }: State): boolean {
  const tasks = Object.values(jobs).flatMap(({ tasks = {} }) => Object.values(tasks));
  return (
    tasks.some(({ at }) => at === 'running' || at === 'waiting') ||
    Object.values(downloads).some(({ end }) => end === null)
  );
}

const isIdle = ({ jobs }: State): boolean => Object.keys(jobs).length === 0;
