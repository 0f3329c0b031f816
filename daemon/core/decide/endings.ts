import type { Cause } from '../causes.js';
import { classify } from '../classify.js';
import type { CheckpointRef } from '../events.js';
import type { Observation } from '../observations.js';
import { DISK_REMEDY, NAN_REMEDY, tellsOfFullDisk } from '../patterns.js';
import { type Remedy, remedyFor } from '../remedies.js';
import type { Job } from '../state.js';
import { startAttempt } from './attempts.js';
import { flush } from './beat.js';
import { followUp } from './follow-ups.js';
import { onHolding } from './holding.js';
import { notFinite } from './nan.js';
import { onTick } from './tick.js';
import type { Turn } from './turn.js';

type Seen<K extends Observation['is']> = Extract<Observation, { is: K }>;

export function onEvidence(turn: Turn, seen: Seen<'evidence'>): void {
  const { job, attempt, path, files, seconds } = seen;
  turn.emit({ type: 'evidence_saved', job, attempt, path, files, seconds });
  turn.command({ do: 'kill', job, attempt });
}

const BAD_HOST_REMEDY =
  'This machine needs to be restarted or replaced: start the job on another one.';

/** The same before an attempt is begun: what is still there holds the GPU, or writes the checkpoints. */
export function onLeftovers(turn: Turn, seen: Seen<'leftovers'>): void {
  turn.prepared(seen.job);
  const at = turn.job(seen.job)?.run.at;
  if (at !== 'queued' && at !== 'waiting') return;
  turn.emit({ type: 'host_found_bad', job: seen.job, why: seen.why });
  turn.emit({
    type: 'job_holding',
    job: seen.job,
    cause: 'host_bad',
    reason: seen.why,
    remedy: BAD_HOST_REMEDY,
  });
}

/** A process that SIGKILL does not end holds the GPU: a second trainer beside it would be worse than
 * none. Nothing is started on this machine again. */
export function onUnkillable(turn: Turn, seen: Seen<'unkillable'>): void {
  const { job, attempt, survivors, why } = seen;
  turn.emit({ type: 'trainer_unkillable', job, attempt, survivors, why });
  turn.emit({
    type: 'job_holding',
    job,
    cause: 'host_bad',
    reason: why,
    remedy: BAD_HOST_REMEDY,
  });
  turn.setWatch(job, null);
}

export function onSpawnFailed(turn: Turn, seen: Seen<'spawn_failed'>): void {
  const job = turn.job(seen.job);
  if (job === undefined) return;
  // A disk that is full will have room again; trying at once and again would only spend the budget.
  const full = !seen.permanent && tellsOfFullDisk(seen.reason);
  const cause: Cause = seen.permanent ? 'permanent' : full ? 'disk_full' : 'crash';
  end(
    turn,
    job,
    seen.attempt,
    cause,
    seen.reason,
    full ? DISK_REMEDY : 'Correct the job file.',
    `${cause}: ${seen.reason}`,
    null,
    seen.from,
  );
}

/** The attempt is over and nothing of it is left alive. */
export function onExited(turn: Turn, seen: Seen<'exited'>): void {
  flush(turn, seen.job, seen.attempt, true);
  const job = turn.job(seen.job);
  if (job === undefined) return;
  const { exit } = seen.ending;
  if (job.run.at === 'ending' && job.run.why === 'stop') {
    turn.emit({
      type: 'attempt_ended',
      job: job.name,
      attempt: seen.attempt,
      exit,
      cause: 'stopped',
      reason: 'stopped on request',
      signature: '',
    });
    turn.emit({ type: 'job_stopped', job: job.name });
    turn.setWatch(job.name, null);
    onTick(turn);
    return;
  }
  if (job.run.at === 'ending') {
    const cause = job.run.why === 'nan' ? 'nan' : 'hang';
    const reason =
      job.run.why === 'nan' ? (job.run.what ?? notFinite(job.nan_onset)) : lastHang(job);
    const remedy = cause === 'nan' ? NAN_REMEDY : 'See the evidence folder of the attempt.';
    end(turn, job, seen.attempt, cause, reason, remedy, cause, exit, seen.from);
    return;
  }
  const step = reached(job, seen.from);
  const outcome = classify({
    ...seen.ending,
    stepped:
      job.progress.high > job.progress.high_at_start ||
      (turn.watch(job.name)?.main.name ?? 'startup') !== 'startup',
    step,
    resumed_from: job.from?.path ?? null,
    target_step: job.spec.target_step ?? (job.spec.total_is_target ? job.progress.total : null),
    loss: job.progress.loss,
  });
  if (outcome.is === 'done') {
    turn.emit({
      type: 'attempt_ended',
      job: job.name,
      attempt: seen.attempt,
      exit,
      cause: 'done',
      reason: 'done',
      signature: '',
    });
    turn.emit({
      type: 'job_finished',
      job: job.name,
      step,
      artefact: seen.artefact_path,
    });
    turn.setWatch(job.name, null);
    followUp(turn, job.name);
    onTick(turn);
    return;
  }
  if (job.told_to_go === seen.attempt) {
    const reason = 'ended with its daemon, which the scheduler told to go';
    end(turn, job, seen.attempt, 'preempted', reason, '', '', exit, seen.from);
    return;
  }
  end(
    turn,
    job,
    seen.attempt,
    outcome.cause,
    outcome.reason,
    outcome.remedy,
    outcome.signature,
    exit,
    seen.from,
  );
}

/** The last step known. A checkpoint proves its step where the heartbeat that would have told of it
 * could not be written, as on a full disk. */
function reached({ progress: { step } }: Job, saved: CheckpointRef | null): number | null {
  return saved === null ? step : Math.max(step ?? 0, saved.step);
}

function lastHang(job: Job): string {
  const silent = job.tally.hang_detection_seconds;
  return silent === null ? 'no progress' : `no progress for ${silent.toFixed(1)} s`;
}

function end(
  turn: Turn,
  job: Job,
  attempt: number,
  cause: Cause,
  reason: string,
  remedy: string,
  signature: string,
  exit: { code: number; signal: null } | { code: null; signal: string } | null,
  from: CheckpointRef | null,
): void {
  turn.emit({ type: 'attempt_ended', job: job.name, attempt, exit, cause, reason, signature });
  turn.setWatch(job.name, null);
  const after = turn.job(job.name) ?? job;
  if (cause === 'host_bad') {
    turn.emit({ type: 'host_found_bad', job: job.name, why: reason });
    turn.emit({ type: 'job_holding', job: job.name, cause, reason, remedy });
    return;
  }
  const what = remedyFor(after, cause, reason, turn.policy.retry);
  if (what.is === 'stop') {
    turn.emit({ type: 'job_failed', job: job.name, cause, reason: what.reason, remedy });
    onTick(turn);
    return;
  }
  if (what.is === 'hold') {
    const until = what.seconds === null ? {} : { until: turn.now.wall + what.seconds };
    turn.emit({ type: 'job_holding', job: job.name, cause, reason, remedy, ...until });
    onHolding(turn);
    return;
  }
  restart(turn, after, cause, reason, what, from);
}

function restart(
  turn: Turn,
  job: Job,
  cause: Cause,
  reason: string,
  how: Extract<Remedy, { is: 'restart' }>,
  from: CheckpointRef | null,
): void {
  if (how.knob !== null) {
    turn.emit({
      type: 'knob_turned',
      job: job.name,
      cause: how.knob,
      turned: job.knobs[how.knob] + 1,
    });
  }
  if (how.distrust && job.from !== null) {
    turn.command({ do: 'quarantine', job: job.name, checkpoint: job.from, reason });
  }
  if (how.delay_seconds === 0 && !how.choose && !turn.state.leaving) {
    startAttempt(turn, turn.job(job.name) ?? job, cause, from);
    return;
  }
  const at = turn.now.wall + how.delay_seconds;
  turn.emit({
    type: 'restart_scheduled',
    job: job.name,
    cause,
    at,
    delay_seconds: how.delay_seconds,
  });
  if (how.delay_seconds === 0) turn.prepare(job.name);
}
