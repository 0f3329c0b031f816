import type { Cause } from './causes.js';
import { ettr } from './ettr.js';
import type { FollowUp, Tasks } from './follow-ups.js';
import { quantile } from './sketch.js';
import type { Incident, Job, State } from './state.js';

/** `nightwarden status --json`; absent facts are null. Times in Unix seconds. */
export interface Status {
  readonly daemon: {
    readonly pid: number;
    readonly version: string;
    readonly started: number;
  } | null;
  readonly jobs: readonly JobStatus[];
}

export type JobStateName =
  | 'queued'
  | 'downloading'
  | 'starting'
  | 'running'
  | 'suspect'
  | 'recovering'
  | 'holding'
  | 'finished'
  | 'failed'
  | 'stopped';

export interface JobStatus {
  readonly name: string;
  readonly state: JobStateName;
  readonly step: number | null;
  readonly total_steps: number | null;
  readonly epoch: number | null;
  readonly loss: number | null;
  readonly phase: string | null;
  readonly attempt: number;
  readonly attempts_by_cause: Readonly<Record<string, number>>;
  readonly lost_steps: number;
  /** The step of the checkpoint that the current attempt began at; null from the beginning. */
  readonly resumed_from: number | null;
  readonly ettr: number | null;
  readonly trainer_pid: number | null;
  readonly last_step_time: number | null;
  readonly eta_seconds: number | null;
  readonly checkpoint: {
    readonly step: number;
    readonly path: string;
    readonly verified: boolean;
  } | null;
  readonly incidents: readonly Incident[];
  /** Why it holds or failed, by name and in words, and what to do; null otherwise. */
  readonly cause: Cause | null;
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly artefact: string | null;
  readonly hang_detection_seconds: number | null;
  readonly recovery_seconds: number | null;
  /** Its follow-ups, in the order they were first asked for. */
  readonly tasks: readonly TaskStatus[];
}

export interface TaskStatus {
  readonly task: FollowUp;
  readonly state: 'running' | 'waiting' | 'done' | 'failed';
  readonly tries: number;
  /** Where the results are, paths or addresses; empty until it is done. */
  readonly places: readonly string[];
  /** What is to be said of them; absent where nothing is. */
  readonly note?: string;
  /** Why it waits or failed, and what to do; null otherwise. */
  readonly reason: string | null;
  readonly remedy: string | null;
  /** Unix seconds. */
  readonly next_try: number | null;
}

export function statusOf(state: State, wall: number, daemonAlive: boolean): Status {
  return {
    daemon: daemonAlive ? state.daemon : null,
    jobs: Object.values(state.jobs).map((job) => jobStatus(job, wall)),
  };
}

function jobStatus(job: Job, wall: number): JobStatus {
  const { run, progress, tally } = job;
  return {
    name: job.name,
    state: stateName(job),
    step: progress.step,
    total_steps: progress.total,
    epoch: progress.epoch,
    loss: progress.loss,
    phase: progress.phase,
    attempt: job.attempt,
    attempts_by_cause: job.attempts_by_cause as Record<string, number>,
    lost_steps: tally.lost_steps,
    resumed_from: job.from?.step ?? null,
    ettr: ettr(job, wall),
    trainer_pid: run.at === 'running' ? run.trainer.pid : null,
    last_step_time: progress.at,
    eta_seconds: eta(job),
    checkpoint:
      job.checkpoint === null
        ? null
        : { step: job.checkpoint.step, path: job.checkpoint.path, verified: true },
    incidents: job.incidents,
    cause: 'reason' in run ? run.cause : null,
    reason: 'reason' in run ? run.reason : null,
    remedy: 'remedy' in run ? run.remedy : null,
    artefact: run.at === 'finished' ? run.artefact : null,
    hang_detection_seconds: tally.hang_detection_seconds,
    recovery_seconds: tally.recovery_seconds,
    tasks: tasksOf(job.tasks ?? {}),
  };
}

function tasksOf(tasks: Tasks): TaskStatus[] {
  return Object.entries(tasks).map(([name, task]) => ({
    task: name as FollowUp,
    state: task.at,
    tries: task.tries,
    places: task.at === 'done' ? task.places : [],
    ...(task.at === 'done' && task.note !== undefined ? { note: task.note } : {}),
    reason: 'reason' in task ? task.reason : null,
    remedy: 'remedy' in task ? task.remedy : null,
    next_try: task.at === 'waiting' ? task.until : null,
  }));
}

export function stateName(job: Job): JobStateName {
  const { at } = job.run;
  if (at === 'ending' || at === 'waiting') return 'recovering';
  if (at === 'starting') return job.recovering === null ? 'starting' : 'recovering';
  if (at === 'running' && job.suspect !== null) return 'suspect';
  if (at === 'running' && job.recovering !== null) return 'recovering';
  return at;
}

/** Steps left times this job's own median step time. */
function eta(job: Job): number | null {
  const { step, total } = job.progress;
  if (step === null || total === null || !('attempt' in job.run)) return null;
  const median = job.learned.step === undefined ? null : quantile(job.learned.step, 0.5);
  return median === null ? null : Math.max(0, total - step) * median;
}
