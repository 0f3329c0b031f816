import { withOutside } from '../idle.js';
import type { Observation } from '../observations.js';
import { rearm } from '../watch.js';
import { resolve } from './beat.js';
import { groundsOf } from './policy-of.js';
import { look } from './tick.js';
import type { Turn } from './turn.js';

type Seen<K extends Observation['is']> = Extract<Observation, { is: K }>;

/** A stopped process is left stopped for this long (seconds), so that a debugger's or a person's
 * short stop is not fought over. */
const STOPPED_FOR = 1;
/** A process that is stopped again and again without a step in between is somebody's wish. */
const CONTINUES = 3;

export function onOutside(turn: Turn, seen: Seen<'outside'>): void {
  const watch = turn.watch(seen.job);
  const job = turn.job(seen.job);
  if (watch === undefined || job === undefined) return;
  const { cpu_seconds, io_bytes, log_bytes, gpu_ratio, storage_wait } = seen;
  const sample = { at: turn.now.mono, cpu_seconds, io_bytes, log_bytes, gpu_ratio, storage_wait };
  const idle = withOutside(watch.idle, sample, groundsOf(job, watch, turn.policy).policy);
  turn.setWatch(seen.job, { ...watch, idle });
  // Judged at once: the next tick may be a poll away.
  look(turn, seen.job, seen.attempt);
}

/** A process stopped by a signal (state T) costs nothing to help: it is continued before anything
 * dearer is thought of. */
export function onProcessState(turn: Turn, seen: Seen<'process_state'>): void {
  const watch = turn.watch(seen.job);
  if (watch === undefined) return;
  const { mono } = turn.now;
  if (seen.letter !== 'T') {
    if (watch.stopped_since !== null) turn.setWatch(seen.job, { ...watch, stopped_since: null });
    return;
  }
  const since = watch.stopped_since ?? mono;
  if (mono - since < STOPPED_FOR || watch.continues >= CONTINUES) {
    if (watch.stopped_since === null) turn.setWatch(seen.job, { ...watch, stopped_since: since });
    return;
  }
  resolve(turn, seen.job, 'rearm');
  turn.emit({
    type: 'trainer_continued',
    job: seen.job,
    attempt: seen.attempt,
    stopped_seconds: mono - since,
  });
  turn.setWatch(seen.job, { ...rearm(watch, mono), continues: watch.continues + 1 });
  turn.command({ do: 'continue', job: seen.job, attempt: seen.attempt });
}
