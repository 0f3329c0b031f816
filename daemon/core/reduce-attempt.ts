import { type AttemptReason, CAUSES, type Cause } from './causes.js';
import type { Entry, EventOf, JobSpec } from './events.js';
import type { Budget, Job, Learned } from './state.js';
import { totalsOf } from './totals.js';

export const noBudget: Budget = {
  spent: {},
  total: 0,
  seen: {},
  barren: 0,
  gained_step: 0,
  signature: '',
  repeats: 0,
};

/** A job as it enters the queue. Attempt numbers go on from an earlier run of the same name, since
 * their folders are on disk. */
export function initialJob(
  spec: JobSpec,
  time: number,
  earlier: Job | undefined,
  learned: Learned,
): Job {
  return {
    name: spec.name,
    spec,
    queued_at: time,
    started_at: null,
    ended_at: null,
    run: { at: 'queued' },
    attempt: earlier?.attempt ?? 0,
    attempts_by_cause: {},
    next_reason: 'start',
    from: null,
    knobs: { oom: 0, host_oom: 0, nan: 0 },
    nan_onset: null,
    progress: {
      step: null,
      high: 0,
      high_at_start: 0,
      total: spec.target_step,
      epoch: null,
      loss: null,
      phase: null,
      at: null,
    },
    checkpoint: null,
    budget: noBudget,
    suspect: null,
    recovering: null,
    tally: {
      lost_steps: 0,
      useful_seconds: 0,
      minutes: [],
      hangs: 0,
      hang_detection_seconds: null,
      recoveries: 0,
      recovery_seconds: null,
      suspicions: 0,
      self_resolved: 0,
      continued: 0,
      quarantined: 0,
    },
    ...(earlier === undefined ? {} : { before: totalsOf(earlier) }),
    learned,
    incidents: [],
  };
}

/** The life of a job and its attempts. */
export function onAttempt(job: Job, entry: Entry): Job {
  switch (entry.type) {
    case 'models_wanted':
      return { ...job, run: { at: 'downloading' } };
    case 'models_ready':
      return { ...job, run: { at: 'queued' }, models_ready: true };
    case 'attempt_starting':
      return starting(job, entry);
    case 'attempt_started':
      if (job.run.at === 'ending') return job;
      return {
        ...job,
        run: {
          at: 'running',
          attempt: entry.attempt,
          shepherd: entry.shepherd,
          trainer: entry.trainer,
        },
      };
    case 'attempt_abandoned':
      return { ...job, run: { at: 'queued' } };
    case 'attempt_ended':
      return ended(job, entry);
    case 'hang_confirmed':
      return {
        ...job,
        suspect: null,
        run: { at: 'ending', attempt: entry.attempt, why: 'hang', evidence: false },
      };
    case 'loss_not_finite':
      return { ...job, nan_onset: entry.step };
    case 'loss_finite_again':
      return { ...job, nan_onset: null };
    case 'nan_confirmed':
      return {
        ...job,
        suspect: null,
        nan_onset: entry.onset,
        run: {
          at: 'ending',
          attempt: entry.attempt,
          why: 'nan',
          evidence: false,
          ...(entry.what === undefined ? {} : { what: entry.what }),
        },
      };
    case 'knob_turned':
      return { ...job, knobs: { ...job.knobs, [entry.cause]: entry.turned } };
    case 'hold_ended': {
      const bad = job.run.at === 'holding' && job.run.cause === 'host_bad';
      return { ...job, run: { at: 'queued' }, next_reason: bad ? 'host_bad' : job.next_reason };
    }
    case 'evidence_saved':
      return job.run.at === 'ending' ? { ...job, run: { ...job.run, evidence: true } } : job;
    case 'stop_requested':
      return 'attempt' in job.run
        ? {
            ...job,
            suspect: null,
            run: { at: 'ending', attempt: job.run.attempt, why: 'stop', evidence: true },
          }
        : job;
    case 'restart_scheduled':
      return { ...job, run: { at: 'waiting', until: entry.at, cause: entry.cause } };
    case 'job_resumed':
      return {
        ...job,
        run: { at: 'queued' },
        ended_at: null,
        next_reason: 'resume',
        budget: { ...noBudget, gained_step: job.budget.gained_step },
      };
    case 'job_finished':
      return {
        ...job,
        run: { at: 'finished', artefact: entry.artefact },
        progress: { ...job.progress, step: entry.step ?? job.progress.step },
        ended_at: entry.time,
        recovering: null,
        suspect: null,
      };
    case 'job_failed':
      return {
        ...job,
        run: { at: 'failed', cause: entry.cause, reason: entry.reason, remedy: entry.remedy },
        ended_at: entry.time,
        recovering: null,
        suspect: null,
      };
    case 'job_holding':
      return {
        ...job,
        run: {
          at: 'holding',
          cause: entry.cause,
          reason: entry.reason,
          remedy: entry.remedy,
          ...(entry.until === undefined ? {} : { until: entry.until }),
        },
        suspect: null,
      };
    case 'job_stopped':
      return {
        ...job,
        run: { at: 'stopped' },
        ended_at: entry.time,
        recovering: null,
        suspect: null,
      };
    default:
      return job;
  }
}

function starting(job: Job, entry: EventOf<'attempt_starting'> & { time: number }): Job {
  return {
    ...job,
    run: { at: 'starting', attempt: entry.attempt },
    attempt: entry.attempt,
    from: entry.from,
    nan_onset: null,
    started_at: job.started_at ?? entry.time,
    attempts_by_cause: {
      ...job.attempts_by_cause,
      [entry.reason]: (job.attempts_by_cause[entry.reason] ?? 0) + 1,
    },
    progress: begun(job, entry),
    suspect: null,
    recovering:
      job.recovering === null
        ? null
        : { ...job.recovering, lost_steps: job.recovering.lost_steps + entry.lost_steps },
    tally: { ...job.tally, lost_steps: job.tally.lost_steps + entry.lost_steps },
  };
}

/** Steps up to the checkpoint are behind us, whoever made them. */
function begun(job: Job, entry: EventOf<'attempt_starting'>): Job['progress'] {
  const step = entry.from?.step ?? null;
  const high = Math.max(job.progress.high, step ?? 0);
  return { ...job.progress, step, high, high_at_start: high, phase: 'startup' };
}

function ended(job: Job, entry: EventOf<'attempt_ended'> & { time: number }): Job {
  const progress = { ...job.progress, phase: null };
  if (!isCause(entry.cause)) return { ...job, progress, suspect: null };
  return {
    ...job,
    progress,
    suspect: null,
    next_reason: entry.cause,
    recovering: job.recovering ?? { since: entry.time, cause: entry.cause, lost_steps: 0 },
    budget: spend(job, entry.cause, entry.signature),
  };
}

function spend(job: Job, cause: Cause, signature: string): Budget {
  const { budget } = job;
  const gained = job.progress.high > job.progress.high_at_start;
  const seen = { ...budget.seen, [cause]: (budget.seen[cause] ?? 0) + 1 };
  // Nothing that the training did, or could do better next time.
  if (cause === 'preempted') return { ...budget, seen };
  // Waited for by a clock of its own, and no reason to lose patience with anything else.
  if (cause === 'network') {
    const spent = { ...budget.spent, network: (budget.spent.network ?? 0) + 1 };
    return { ...budget, seen, spent };
  }
  if (gained)
    return { ...budget, seen, total: budget.total + 1, barren: 0, signature: '', repeats: 0 };
  return {
    ...budget,
    spent: { ...budget.spent, [cause]: (budget.spent[cause] ?? 0) + 1 },
    seen,
    total: budget.total + 1,
    barren: budget.barren + 1,
    signature,
    repeats: signature !== '' && signature === budget.signature ? budget.repeats + 1 : 1,
  };
}

export function isCause(reason: AttemptReason | 'done' | 'stopped'): reason is Cause {
  return (CAUSES as readonly string[]).includes(reason);
}
