import type { Beat, Observation } from '../observations.js';
import { flush } from './beat.js';
import { onCheckpoint } from './requests.js';
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
  turn.command({ do: 'evidence', job: name, attempt, why: nanReason(onset) });
}

/** A checkpoint was read and holds a NaN: where nobody tells a loss, that is all that will ever say that
 * the training goes on with nothing. One that was there from the first checkpoint, beside a loss that is
 * a number, is of a tensor that nobody uses. */
export function onWeights(turn: Turn, seen: Extract<Observation, { is: 'weights' }>): void {
  const { job: name, attempt, checkpoint, where } = seen;
  const { step } = checkpoint;
  const job = turn.job(name);
  if (job?.run.at !== 'running') return;
  const sound = job.progress.loss !== null && job.nan_onset === null;
  if (sound && job.checkpoint === null) return onCheckpoint(turn, { ...seen, is: 'checkpoint' });
  flush(turn, name, attempt, {}, true);
  turn.emit({ type: 'nan_confirmed', job: name, attempt, onset: step, step, weights: where });
  turn.setWatch(name, null);
  turn.command({ do: 'evidence', job: name, attempt, why: nanReason(step, where) });
}

export function nanReason(onset: number | null, weights?: string): string {
  return weights === undefined
    ? `the loss is not finite since step ${onset}`
    : `the weights saved at step ${onset} are no numbers (${weights})`;
}
