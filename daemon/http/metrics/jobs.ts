import {
  type AttemptReason,
  CAUSES,
  ettrLastHour,
  type Job,
  type JobStatus,
  PHASES,
  type State,
  statusOf,
  type TaskStatus,
  totalsOf,
} from '../../core/index.js';
import type { Catalogue } from './catalogue.js';
import { Samples, Totals } from './write.js';

const STATES = Object.keys({
  queued: 0,
  downloading: 0,
  starting: 0,
  running: 0,
  suspect: 0,
  recovering: 0,
  holding: 0,
  finished: 0,
  failed: 0,
  stopped: 0,
} satisfies Record<JobStatus['state'], 0>);

const TASK_STATES = Object.keys({
  running: 0,
  waiting: 0,
  done: 0,
  failed: 0,
} satisfies Record<TaskStatus['state'], 0>);

const REASONS: readonly AttemptReason[] = ['start', 'resume', ...CAUSES];
const PHASE_LABELS: readonly string[] = [...PHASES, 'other'];

/**
 * Every per-job sample anew from the fold; `wall` in Unix seconds. The counters are totals of the
 * journal, so they go on where they were when the daemon is started again. All labels of a closed set
 * have a sample from the first, zero where nothing happened: increase() does not see a series appear.
 */
export function writeJobs(metrics: Catalogue['job'], state: State, wall: number): void {
  const out = open(metrics);
  for (const status of statusOf(state, wall, true).jobs) {
    const job = state.jobs[status.name];
    if (job !== undefined) writeJob(out, job, status, wall);
  }
}

function open(m: Catalogue['job']) {
  return {
    state: new Samples(m.state),
    step: new Samples(m.step),
    targetSteps: new Samples(m.targetSteps),
    lastStep: new Samples(m.lastStep),
    eta: new Samples(m.eta),
    loss: new Samples(m.loss),
    phase: new Samples(m.phase),
    ettr: new Samples(m.ettr),
    checkpointStep: new Samples(m.checkpointStep),
    checkpointTime: new Samples(m.checkpointTime),
    checkpointBytes: new Samples(m.checkpointBytes),
    taskState: new Samples(m.taskState),
    taskTries: new Samples(m.taskTries),
    attempts: new Totals(m.attempts),
    hangs: new Totals(m.hangs),
    recoveries: new Totals(m.recoveries),
    continued: new Totals(m.continued),
    lostSteps: new Totals(m.lostSteps),
    useful: new Totals(m.useful),
    suspicions: new Totals(m.suspicions),
    selfResolved: new Totals(m.selfResolved),
    quarantined: new Totals(m.quarantined),
  };
}

function writeJob(out: ReturnType<typeof open>, job: Job, status: JobStatus, wall: number): void {
  const { checkpoint, progress } = job;
  const totals = totalsOf(job);
  // Labels are written out rather than spread: V8 11 (Node 20) gives each `{ ...label, state }` a
  // hidden class of its own, 40 MB of them within an hour's scrapes.
  const { name: jobName } = job;
  const label = { job: jobName };
  for (const state of STATES)
    out.state.set({ job: jobName, state }, Number(state === status.state));
  const phase = progress.phase === null || isKnown(progress.phase) ? progress.phase : 'other';
  for (const name of PHASE_LABELS)
    out.phase.set({ job: jobName, phase: name }, Number(name === phase));
  out.step.set(label, progress.step);
  out.targetSteps.set(label, progress.total);
  out.lastStep.set(label, progress.at);
  out.eta.set(label, status.eta_seconds);
  out.loss.set(label, progress.loss);
  out.ettr.set({ job: jobName, window: 'all' }, status.ettr);
  out.ettr.set({ job: jobName, window: '1h' }, ettrLastHour(job, wall));
  out.checkpointStep.set(label, checkpoint?.step);
  out.checkpointTime.set(label, checkpoint?.verified_at);
  out.checkpointBytes.set(label, checkpoint?.bytes);
  for (const { task, state, tries } of status.tasks) {
    for (const one of TASK_STATES)
      out.taskState.set({ job: jobName, task, state: one }, Number(one === state));
    out.taskTries.set({ job: jobName, task }, tries);
  }
  for (const cause of REASONS) {
    out.attempts.set({ job: jobName, cause }, totals.attempts_by_cause[cause] ?? 0);
  }
  out.hangs.set(label, totals.hangs);
  out.recoveries.set(label, totals.recoveries);
  out.continued.set(label, totals.continued);
  out.lostSteps.set(label, totals.lost_steps);
  out.useful.set(label, totals.useful_seconds);
  out.suspicions.set(label, totals.suspicions);
  out.selfResolved.set(label, totals.self_resolved);
  out.quarantined.set(label, totals.quarantined);
}

/** A trainer may name phases as it likes, a new one each step; labels must stay few. */
function isKnown(phase: string): boolean {
  return (PHASES as readonly string[]).includes(phase);
}
