import type { Observation } from '../observations.js';
import { NETWORK_WAIT } from '../remedies.js';
import { onTick } from './tick.js';
import type { Turn } from './turn.js';

/** How often a job that waits for room is seen to, in seconds. */
export const LOOK_AGAIN = 30;
/** A save may need the old and the new checkpoint at once. */
const TIMES_CHECKPOINT = 2;

/** Jobs that wait for room on the disk have it made, where older checkpoints can be spared; those that
 * wait for a time go on when it has come. */
export function onHolding(turn: Turn): void {
  for (const job of Object.values(turn.state.jobs)) {
    if (job.run.at !== 'holding') continue;
    if (job.run.until !== undefined) awaited(turn, job.name, job.run.until);
    if (job.run.cause !== 'disk_full') continue;
    if (turn.due(`room ${job.name}`, LOOK_AGAIN)) turn.command({ do: 'make_room', job: job.name });
  }
}

function awaited(turn: Turn, job: string, until: number): void {
  const left = until - turn.now.wall;
  // A wall clock set back must not make a wait longer than any can be.
  if (left > 0 && left <= NETWORK_WAIT.longest) return;
  turn.emit({ type: 'hold_ended', job, why: 'the wait is over' });
  onTick(turn);
}

/** A checkpoint was verified with this much room beside it: the next save must not be the one that
 * fills the disk. */
export function onRoomLeft(turn: Turn, job: string, bytes: number, free_bytes: number): void {
  if (free_bytes >= TIMES_CHECKPOINT * bytes) return;
  if (turn.due(`room ${job}`, LOOK_AGAIN)) turn.command({ do: 'make_room', job });
}

export function onRoom(turn: Turn, seen: Extract<Observation, { is: 'room' }>): void {
  const { job: name, pruned, pruned_bytes, free_bytes, needed_bytes } = seen;
  if (pruned.length > 0) {
    turn.emit({
      type: 'checkpoints_pruned',
      job: name,
      paths: pruned,
      bytes: pruned_bytes,
      free_bytes,
    });
  }
  const job = turn.job(name);
  if (job?.run.at !== 'holding' || job.run.cause !== 'disk_full' || free_bytes < needed_bytes)
    return;
  turn.emit({ type: 'hold_ended', job: name, why: 'there is room on the disk again' });
  onTick(turn);
}
