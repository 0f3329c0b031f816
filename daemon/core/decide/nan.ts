import type { Beat, Observation } from '../observations.js';
import { isWild } from '../usual-loss.js';
import { flush } from './beat.js';
import { onCheckpoint } from './requests.js';
import type { Turn } from './turn.js';

/** A mixed-precision scaler skips a step or two whose gradients overflow; a loss that is not finite
 * for this many steps will not become so again by itself. */
const STEPS = 5;
/** One that is a number still may come back from further away. */
const WILD_STEPS = 20;

/** Follows whether the loss is a number at all, and one of this run. The training would go on to the
 * morning without it. */
export function onLoss(turn: Turn, name: string, attempt: number, beat: Beat): void {
  const job = turn.job(name);
  const { loss, step } = beat;
  if (job?.run.at !== 'running' || loss === null || step === null) return;
  const onset = job.nan_onset;
  const wild = Number.isFinite(loss) && isWild(job.usual_loss, loss);
  if (Number.isFinite(loss) && !wild) {
    if (onset !== null && step > onset)
      turn.emit({ type: 'loss_finite_again', job: name, attempt, step });
    return;
  }
  if (onset === null) {
    const how = wild ? { loss } : {};
    turn.emit({ type: 'loss_not_finite', job: name, attempt, step, ...how });
    return;
  }
  if (step - onset < (wild ? WILD_STEPS : STEPS)) return;
  const usual = job.usual_loss?.highest ?? 0;
  confirm(
    turn,
    name,
    attempt,
    { onset, step },
    wild ? exploded(onset, loss, usual) : notFinite(onset),
  );
}

function confirm(
  turn: Turn,
  job: string,
  attempt: number,
  steps: { readonly onset: number; readonly step: number },
  what: string,
): void {
  turn.emit({ type: 'nan_confirmed', job, attempt, ...steps, what });
  turn.setWatch(job, null);
  turn.command({ do: 'evidence', job, attempt, why: what });
}

export const notFinite = (onset: number | null): string =>
  `the loss is not finite since step ${onset}`;

const exploded = (onset: number, loss: number, usual: number): string =>
  `the loss has exploded since step ${onset} (${short(loss)}, where ${short(usual)} was the most that was usual)`;

const short = (n: number): number => Number(n.toPrecision(3));

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
  flush(turn, name, attempt, true);
  const what = `the weights saved at step ${step} are no numbers (${where})`;
  confirm(turn, name, attempt, { onset: step, step }, what);
}
