import type { AttemptReason } from '../causes.js';
import type { CheckpointRef } from '../events.js';
import type { Observation } from '../observations.js';
import type { Job } from '../state.js';
import { armWatch, type Stage } from '../watch.js';
import { resumeDownloads } from './downloads.js';
import { takeUp } from './follow-ups.js';
import type { Turn } from './turn.js';

type Seen<K extends Observation['is']> = Extract<Observation, { is: K }>;

/** After a start every attempt that the journal left open is looked for before anything is done. */
export function onDaemonUp(turn: Turn, seen: Seen<'daemon_up'>): void {
  turn.emit({
    type: 'daemon_started',
    pid: seen.pid,
    version: seen.version,
    boot_id: seen.boot_id,
  });
  for (const job of Object.values(turn.state.jobs)) {
    if ('attempt' in job.run)
      turn.command({ do: 'adopt', job: job.name, attempt: job.run.attempt });
    if (job.run.at === 'holding' && job.run.cause === 'host_bad' && turn.state.host_bad === null)
      turn.emit({
        type: 'hold_ended',
        job: job.name,
        why: 'this is another machine, or the same one started anew',
      });
    takeUp(turn, job.name);
  }
  resumeDownloads(turn);
}

/** Journalled before the trainers are ended: their ends are then nobody's failure, whoever sees them. */
export function onDaemonStopping(turn: Turn, { reason, trainers }: Seen<'daemon_stopping'>): void {
  const end = trainers === undefined ? {} : { trainers };
  turn.emit({ type: 'daemon_stopping', reason, ...end });
}

export function onPrepared(turn: Turn, seen: Seen<'prepared'>): void {
  turn.prepared(seen.job);
  const job = turn.job(seen.job);
  if (job === undefined || (job.run.at !== 'queued' && job.run.at !== 'waiting')) return;
  if (turn.state.host_bad !== null || turn.state.leaving) return;
  startAttempt(turn, job, job.next_reason, seen.from);
}

/** The intent is journalled before the spawn; a daemon that dies between the two settles with the
 * shepherd, by the attempt's claim file, which of them has it. */
export function startAttempt(
  turn: Turn,
  job: Job,
  reason: AttemptReason,
  from: CheckpointRef | null,
): void {
  const attempt = job.attempt + 1;
  const stood = job.progress.step ?? 0;
  const lost = job.started_at === null ? 0 : Math.max(0, stood - (from?.step ?? 0));
  turn.emit({ type: 'attempt_starting', job: job.name, attempt, reason, from, lost_steps: lost });
  turn.setWatch(job.name, armWatch(attempt, turn.now.mono, from?.step ?? null, 'startup'));
  turn.command({ do: 'spawn', job: job.name, attempt, from, knobs: job.knobs });
}

export function onSpawned(turn: Turn, seen: Seen<'spawned'>): void {
  const run = turn.job(seen.job)?.run;
  // Asked to stop while it was being spawned: the kill was commanded then and waits its turn.
  if (run?.at !== 'starting') return;
  turn.emit({
    type: 'attempt_started',
    job: seen.job,
    attempt: seen.attempt,
    shepherd: seen.shepherd,
    trainer: seen.trainer,
  });
}

export function onAdopted(turn: Turn, seen: Seen<'adopted'>): void {
  const { job: name, attempt, shepherd, trainer } = seen;
  const job = turn.job(name);
  if (job === undefined) return;
  const seconds = Math.max(0, turn.now.wall - lastSeen(turn, job));
  if (job.run.at === 'starting')
    turn.emit({ type: 'attempt_started', job: name, attempt, shepherd, trainer });
  turn.emit({ type: 'attempt_adopted', job: name, attempt, trainer, unwatched_seconds: seconds });
  if (job.run.at === 'ending') {
    // Killed by the last daemon's decision, which stands.
    turn.command(
      job.run.evidence
        ? { do: 'kill', job: name, attempt }
        : { do: 'evidence', job: name, attempt, why: 'hang' },
    );
    return;
  }
  const armed = armWatch(attempt, turn.now.mono, job.progress.step, stageOf(job));
  // Whatever it is at began before anyone here watched.
  turn.setWatch(name, { ...armed, unsure: 2 });
}

/** How far the attempt has come by its own steps, be they ones that were made before. */
export function stageOf({ progress, from }: Job): Stage {
  const { step, total } = progress;
  if (step === null || step <= (from?.step ?? 0)) return 'startup';
  return total !== null && step >= total ? 'finish' : 'step';
}

/** When this job was last known to be watched: its last step, or the daemon before this one. */
function lastSeen(turn: Turn, job: Job): number {
  const started = turn.state.daemon?.started ?? turn.now.wall;
  return Math.min(started, job.progress.at ?? started);
}

/** Journalled, but the shepherd was never started and now never will be. */
export function onNeverRan(turn: Turn, seen: Seen<'never_ran'>): void {
  const job = turn.job(seen.job);
  if (job === undefined) return;
  if (job.run.at === 'ending' && job.run.why === 'stop') {
    turn.emit({ type: 'job_stopped', job: seen.job });
    return;
  }
  turn.emit({
    type: 'attempt_abandoned',
    job: seen.job,
    attempt: seen.attempt,
    why: 'the daemon ended before the trainer was started',
  });
  turn.prepare(seen.job);
}
