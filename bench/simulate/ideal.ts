import { noises, secondsOfBin } from './noise.js';
import { FOR_GOOD, type Plan } from './plan.js';

/**
 * Seconds of the night that a supervisor could have made useful that knows each fault at once and
 * restarts in no time (`restart` 0), or pays the trainer's own start-up (`restart` in seconds). What
 * lies between the last checkpoint and a fault has to be made again by anybody.
 */
export function idealUseful(plan: Plan, restart: number): number {
  const every = secondsBetweenSaves(plan);
  const fatal = plan.faults.filter(({ is }) => is === 'crash' || is === 'hang').map(({ at }) => at);
  // Storage that is lost for good ends the night on this machine for anybody.
  const lost = plan.faults.find((fault) => fault.is === 'storage' && fault.seconds >= FOR_GOOD);
  const end = lost?.at ?? plan.seconds;
  let high = 0;
  let reached = 0;
  let now = startSeconds(plan, 1);
  for (const at of [...fatal.filter((at) => at < end), end]) {
    if (at > now) {
      reached += at - now;
      now = at;
      high = Math.max(high, reached);
    }
    if (at >= end) break;
    reached = Math.floor(reached / every) * every;
    now = Math.max(now, at + restart);
  }
  return high;
}

/** The usual seconds from spawn to the first step. */
export function startSeconds(plan: Plan, attempt: number): number {
  const { phases, caches } = plan.trainer;
  const load = phases.load.median * (attempt > 1 ? 0.4 : 1);
  const cache = caches && attempt === 1 ? phases.cache.median : 0;
  return phases.startup.median + load + cache + phases.first_step.median;
}

function secondsBetweenSaves({ trainer }: Plan): number {
  const { every, phases } = trainer;
  const step = secondsOfBin(trainer.step_bin) * (noises()[trainer.spread]?.mean ?? 1);
  const perStep =
    step +
    phases.checkpoint.median / every.checkpoint +
    phases.sample.median / every.sample +
    phases.validate.median / every.validate;
  return perStep * every.checkpoint;
}
