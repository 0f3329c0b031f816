import type { Entry, EventOf } from './events.js';
import { addLoss } from './losses.js';
import { knownPhase } from './phases.js';
import { noBudget } from './reduce-attempt.js';
import { emptySketch, merge, record } from './sketch.js';
import type { Job, Tally } from './state.js';
import { withLoss } from './usual-loss.js';

const BEFORE_STEPS: ReadonlySet<string> = new Set(['startup', 'load', 'cache', 'first_step']);

/** What a run gains and loses: steps, checkpoints, phase times, hangs, recoveries. */
export function onProgress(job: Job, entry: Entry): Job {
  switch (entry.type) {
    case 'progress':
      return progress(job, entry);
    case 'phase_entered':
      return { ...job, progress: { ...job.progress, phase: entry.phase } };
    case 'phase_left':
      return learn(outOf(job, entry.phase), entry.phase, entry.seconds, 1);
    case 'recovered':
      return {
        ...job,
        recovering: null,
        tally: {
          ...job.tally,
          recoveries: job.tally.recoveries + 1,
          recovery_seconds: entry.seconds,
        },
      };
    case 'suspicion_raised':
      return {
        ...job,
        suspect: { phase: entry.phase, since: entry.time },
        tally: { ...job.tally, suspicions: job.tally.suspicions + 1 },
      };
    case 'suspicion_resolved':
      return {
        ...job,
        suspect: null,
        tally: {
          ...job.tally,
          self_resolved: job.tally.self_resolved + (entry.by === 'progress' ? 1 : 0),
        },
      };
    case 'trainer_continued':
      return { ...job, tally: { ...job.tally, continued: job.tally.continued + 1 } };
    case 'hang_confirmed':
      return {
        ...job,
        tally: {
          ...job.tally,
          hangs: job.tally.hangs + 1,
          hang_detection_seconds: entry.silent_seconds,
        },
      };
    case 'checkpoint_verified':
      return checkpoint(job, entry);
    case 'checkpoint_quarantined':
      return {
        ...job,
        checkpoint: job.checkpoint?.path === entry.path ? null : job.checkpoint,
        tally: { ...job.tally, quarantined: job.tally.quarantined + 1 },
      };
    default:
      return job;
  }
}

function progress(job: Job, entry: EventOf<'progress'> & { time: number }): Job {
  const step = merge(job.learned.step ?? emptySketch, entry.bins);
  const usual_loss = withLoss(job.usual_loss, entry.loss);
  const losses = addLoss(job.losses, entry.step, entry.loss);
  return {
    ...job,
    ...(usual_loss === undefined ? {} : { usual_loss }),
    ...(losses === undefined ? {} : { losses }),
    learned: step.n === 0 ? job.learned : { ...job.learned, step },
    progress: {
      ...job.progress,
      step: entry.step,
      high: Math.max(job.progress.high, entry.step),
      total: entry.total ?? job.progress.total,
      epoch: entry.epoch ?? job.progress.epoch,
      loss: entry.loss ?? job.progress.loss,
      phase: phaseAfter(job.progress, entry.step),
      at: entry.time,
    },
    tally: useful(job.tally, entry.time, entry.useful_seconds),
  };
}

/** No phase is known to be open until the next step or phase tells. */
function outOf(job: Job, phase: string): Job {
  return job.progress.phase === phase
    ? { ...job, progress: { ...job.progress, phase: null } }
    : job;
}

/** What comes before the first step is over with it, whether that was told or not. The step an attempt
 * resumed at is no step of it. */
function phaseAfter({ phase, step: before }: Job['progress'], step: number): string | null {
  const stepped = step > (before ?? 0);
  return stepped && (phase === null || BEFORE_STEPS.has(phase)) ? 'step' : phase;
}

function useful(tally: Tally, time: number, seconds: number): Tally {
  if (seconds <= 0) return tally;
  return {
    ...tally,
    useful_seconds: tally.useful_seconds + seconds,
    minutes: withMinute(tally.minutes, Math.floor(time / 60), seconds),
  };
}

function withMinute(minutes: Tally['minutes'], minute: number, seconds: number): Tally['minutes'] {
  const last = minutes.at(-1);
  // Nearly always: this comes with each event of progress, and the list is sixty minutes long.
  if (last?.[0] === minute) return minutes.with(-1, [minute, last[1] + seconds]);
  const kept = minutes.filter(([at]) => at > minute - 60 && at !== minute);
  const now = minutes.find(([at]) => at === minute)?.[1] ?? 0;
  return [...kept, [minute, now + seconds]];
}

function learn(job: Job, phase: string, seconds: number, count: number): Job {
  const name = knownPhase(phase);
  return {
    ...job,
    learned: { ...job.learned, [name]: record(job.learned[name] ?? emptySketch, seconds, count) },
  };
}

/** Only a checkpoint beyond all earlier ones refunds the budgets: steps alone could be gained and
 * lost for ever. */
function checkpoint(job: Job, entry: EventOf<'checkpoint_verified'> & { time: number }): Job {
  const newest = job.checkpoint === null || entry.step >= job.checkpoint.step;
  // What was saved after the loss went wrong is nothing gained, however whole its files are.
  const sound = job.nan_onset === null || entry.step < job.nan_onset;
  const gained = sound && entry.step > job.budget.gained_step;
  return {
    ...job,
    checkpoint: newest
      ? { step: entry.step, path: entry.path, bytes: entry.bytes, verified_at: entry.time }
      : job.checkpoint,
    budget: gained ? { ...noBudget, gained_step: entry.step } : job.budget,
  };
}
