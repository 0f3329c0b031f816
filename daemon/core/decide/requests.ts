import type { FollowUp } from '../follow-ups.js';
import type { Observation } from '../observations.js';
import { isActive, isOver, type Job, type State } from '../state.js';
import { jobDownload } from './downloads.js';
import { onRoomLeft } from './holding.js';
import { onTick } from './tick.js';
import type { Turn } from './turn.js';

type Seen<K extends Observation['is']> = Extract<Observation, { is: K }>;

/** Why a person's request cannot be done now, in words for that person; null when it can. */
export function refuse(
  state: State,
  request: Seen<'queue'> | Seen<'stop'> | Seen<'resume'> | Seen<'follow_up'>,
): string | null {
  if (request.is === 'queue') {
    const job = jobOf(state, request.spec.name);
    if (job === undefined || isOver(job)) return null;
    return `A job named ${request.spec.name} is ${job.run.at} already. Stop it first (nightwarden stop ${request.spec.name}), or give the new one another name.`;
  }
  const job = jobOf(state, request.job);
  if (job === undefined) {
    const known = Object.keys(state.jobs);
    return `There is no job named ${request.job}. ${known.length === 0 ? 'None was ever queued here.' : `Known: ${known.join(', ')}.`}`;
  }
  if (request.is === 'follow_up') return refuseFollowUp(job, request.task);
  if (request.is === 'stop' && isOver(job))
    return `${request.job} is not running: it is ${job.run.at}.`;
  if (request.is === 'resume' && !isOver(job) && job.run.at !== 'holding')
    return `${request.job} needs no resume: it is ${job.run.at}.`;
  if (request.is === 'resume' && state.host_bad !== null) {
    return `This machine was found bad (${state.host_bad}); nothing is started on it again. Start the job on another one.`;
  }
  return null;
}

function refuseFollowUp(job: Job, task: FollowUp): string | null {
  if (job.run.at !== 'finished')
    return `${job.name} is not finished: it is ${job.run.at}. Only a finished training has a LoRA to ${task}.`;
  return job.tasks?.[task]?.at === 'running'
    ? `${task} of ${job.name} is under way already. See nightwarden status ${job.name}.`
    : null;
}

/** By its own name only: `constructor` is not a job. */
function jobOf(state: State, name: string): Job | undefined {
  return Object.hasOwn(state.jobs, name) ? state.jobs[name] : undefined;
}

export function onQueue(turn: Turn, seen: Seen<'queue'>): void {
  if (refuse(turn.state, seen) !== null) return;
  turn.emit({ type: 'job_queued', job: seen.spec.name, spec: seen.spec });
  onTick(turn);
}

export function onResume(turn: Turn, seen: Seen<'resume'>): void {
  if (refuse(turn.state, seen) !== null) return;
  turn.emit({ type: 'job_resumed', job: seen.job });
  onTick(turn);
}

export function onStop(turn: Turn, seen: Seen<'stop'>): void {
  const job = turn.job(seen.job);
  if (job === undefined || refuse(turn.state, seen) !== null) return;
  if (!('attempt' in job.run)) {
    if (job.run.at === 'downloading')
      turn.command({ do: 'cancel_download', download: jobDownload(seen.job) });
    turn.emit({ type: 'job_stopped', job: seen.job });
    if (isActive(job)) onTick(turn);
    return;
  }
  const { attempt } = job.run;
  turn.emit({ type: 'stop_requested', job: seen.job });
  turn.setWatch(seen.job, null);
  turn.command({ do: 'kill', job: seen.job, attempt });
}

/** A verified checkpoint is told once; the same one found again (after a restart) is no gain. */
export function onCheckpoint(turn: Turn, seen: Seen<'checkpoint'>): void {
  const job = turn.job(seen.job);
  if (job === undefined) return;
  const { step, path, bytes } = seen.checkpoint;
  if (seen.free_bytes !== undefined) onRoomLeft(turn, seen.job, bytes, seen.free_bytes);
  if (
    job.checkpoint?.path === path &&
    job.checkpoint.step === step &&
    job.checkpoint.bytes === bytes
  )
    return;
  if (job.checkpoint !== null && step < job.checkpoint.step) return;
  turn.emit({ type: 'checkpoint_verified', job: seen.job, step, path, bytes });
}
