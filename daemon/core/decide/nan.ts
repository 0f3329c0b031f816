import type { Beat } from '../observations.js';
import type { Turn } from './turn.js';

/** A mixed-precision scaler skips a step or two whose gradients overflow; a loss that is not finite
 * for this many steps will not become so again by itself. */
const STEPS = 5;

/** Follows whether the loss is a number at all. The training would go on to the morning without it. */
export function onLoss(turn: Turn, name: string, attempt: number, beat: Beat): void {
  const job = turn.job(name);
  if (job?.run.at !== 'running' || beat.loss === null || beat.step === null) return;
  const onset = job.nan_onset;
  if (Number.isFinite(beat.loss)) {
    if (onset !== null && beat.step > onset) {
      turn.emit({ type: 'loss_finite_again', job: name, attempt, step: beat.step });
    }
    return;
  }
  if (onset === null) {
    turn.emit({ type: 'loss_not_finite', job: name, attempt, step: beat.step });
    return;
  }
  if (beat.step - onset < STEPS) return;
  turn.emit({ type: 'nan_confirmed', job: name, attempt, onset, step: beat.step });
  turn.setWatch(name, null);
  turn.command({
    do: 'evidence',
    job: name,
    attempt,
    why: `the loss is not finite since step ${onset}`,
  });
}
