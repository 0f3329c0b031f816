import { firstLook, lookCount, withLook } from '../looks.js';
import type { Observation } from '../observations.js';
import type { Turn } from './turn.js';

/** Fewer looks than this were an ordinary slow step: nothing that a verdict could rest on. */
const WORTH_TELLING = 3;

/**
 * Keeps what is seen from outside during a stretch without progress, so that the journal can tell it
 * when the stretch is over: without it nobody could judge anew, the day after, whether what looked
 * like a hang was one. Called before the observation is acted upon.
 */
export function noteLook(turn: Turn, seen: Extract<Observation, { is: 'outside' }>): void {
  const watch = turn.watch(seen.job);
  if (watch === undefined) return;
  const { cpu_seconds, io_bytes, log_bytes, gpu_ratio, storage_wait } = seen;
  const at = { at: turn.now.mono, cpu_seconds, io_bytes, log_bytes, gpu_ratio, storage_wait };
  const known = turn.looks[seen.job];
  turn.setLooks(
    seen.job,
    known?.attempt === seen.attempt
      ? withLook(known, at)
      : firstLook(seen.attempt, watch.last_step_at, at),
  );
}

/** Tells of the stretches that are over: by progress, by a verdict, by the attempt's end. */
export function tellLooks(turn: Turn): void {
  for (const job in turn.looks) {
    const looks = turn.looks[job];
    const watch = turn.watch(job);
    if (looks === undefined || (watch?.attempt === looks.attempt && watch.idle !== null)) continue;
    turn.setLooks(job, null);
    if (lookCount(looks) < WORTH_TELLING) continue;
    turn.emit({
      type: 'looked_at',
      job,
      attempt: looks.attempt,
      silent_seconds: turn.now.mono - looks.since,
      last_ago: turn.now.mono - looks.last.at,
      seen: looks.seen,
    });
  }
}
