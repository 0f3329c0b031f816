import { join } from 'node:path';
import { LogFollower, type Merged, watchHeartbeats } from '../../../trainer/heartbeat/index.js';
import type { Surroundings } from './context.js';

/** Reads what an attempt left that ended while no daemon watched: tells its last progress and
 * returns those of the last lines of its output that no steps follow. `whole`: its last line was not torn off. */
export async function readRemains(
  at: Surroundings,
  attempt: number,
  whole: boolean,
): Promise<readonly string[]> {
  const tell = (beat: Merged | null): void => {
    if (beat !== null) void at.observe({ is: 'beat', job: at.name, attempt, beat });
  };
  const follower = new LogFollower(at.paths.log(attempt), at.plan.log, true);
  const heartbeats = watchHeartbeats({
    dir: join(at.paths.attempt(attempt), 'heartbeat'),
    attempt,
    polling: false,
    poll_seconds: at.settings.poll_seconds,
    backstop_seconds: at.settings.backstop_seconds,
    onBeat: tell,
    onProblem: (file, problem) => at.log.warn(`${at.name}: heartbeat ${file}: ${problem}`),
  });
  try {
    await heartbeats.refresh();
    tell(await follower.poll());
    if (whole) tell(await follower.finish());
    return follower.lastWords();
  } finally {
    await heartbeats.close();
    await follower.close();
  }
}
