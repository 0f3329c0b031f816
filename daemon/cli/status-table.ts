import type { JobStatus, Status } from '../core/index.js';
import {
  colourOf,
  duration,
  loss,
  type Paint,
  percent,
  type Row,
  ratio,
  relative,
  steps,
  table,
  truncate,
} from './format/index.js';
import { isActive, isOver } from './jobs.js';
import { incidentLine, taskLine } from './news.js';

export interface TableOptions {
  /** Unix seconds. */
  readonly now: number;
  readonly paint: Paint;
  /** Width of the terminal; Infinity where lines may be of any length. */
  readonly columns: number;
  /** Incidents shown of each job, the newest. */
  readonly incidents?: number;
}

const COLUMNS = [
  { title: 'JOB', side: 'left' },
  { title: 'STATE', side: 'left' },
  { title: 'STEP', side: 'right' },
  { title: 'DONE', side: 'right' },
  { title: 'LOSS', side: 'right' },
  { title: 'LEFT', side: 'right' },
  { title: 'ATTEMPT', side: 'right' },
  { title: 'LOST', side: 'right' },
  { title: 'ETTR', side: 'right' },
] as const;

/** A status for people: the daemon, a row for each job, and below it what happened and what to do. */
export function statusLines(status: Status, options: TableOptions): string[] {
  const { now, paint, columns } = options;
  const lines = daemonLines(status, now, paint);
  if (status.jobs.length === 0) lines.push('No jobs. `nightwarden run JOB.yaml` queues one.');
  else {
    const rows = status.jobs.flatMap((job): Row[] => [
      row(job, paint),
      ...details(job, status, options).map((line) => `  ${line}`),
    ]);
    lines.push('', ...table(COLUMNS, rows));
  }
  return lines.map((line) => truncate(line, columns));
}

function daemonLines({ daemon, jobs }: Status, now: number, paint: Paint): string[] {
  if (daemon !== null) {
    const since = duration(now - daemon.started);
    return [`Daemon ${daemon.version}, pid ${daemon.pid}, up ${since}.`];
  }
  const lines = [paint('yellow', 'No daemon is running; this is what its journal tells.')];
  if (jobs.some((job) => job.trainer_pid !== null || isActive(job) || job.state === 'queued')) {
    lines.push('`nightwarden up` takes the work up again.');
  }
  return lines;
}

function row(job: JobStatus, paint: Paint): string[] {
  const left = isOver(job) ? null : job.eta_seconds;
  return [
    job.name,
    paint(colourOf(job.state), job.state),
    steps(job.step, job.total_steps),
    (job.step === null ? null : percent(job.step, job.total_steps)) ?? '-',
    job.loss === null ? '-' : loss(job.loss),
    left === null ? '-' : duration(left),
    job.attempt === 0 ? '-' : String(job.attempt),
    String(job.lost_steps),
    job.ettr === null ? '-' : ratio(job.ettr),
  ];
}

function details(job: JobStatus, status: Status, options: TableOptions): string[] {
  const { now, paint, incidents: limit = 5 } = options;
  const lines = [presently(job, status, now, paint)].filter((line) => line !== null);
  if (job.checkpoint !== null && !isOver(job)) {
    const { step, path } = job.checkpoint;
    lines.push(paint('dim', `newest verified checkpoint: step ${step}, ${path}`));
  }
  if (job.incidents.length > limit) {
    lines.push(paint('dim', `${job.incidents.length - limit} earlier incidents`));
  }
  for (const incident of job.incidents.slice(-limit)) {
    lines.push(`${relative(incident.time, now)}: ${incidentLine(incident)}`);
  }
  if (job.reason) lines.push(paint('red', `${job.state}: ${job.reason}`));
  if (job.remedy) lines.push(paint('bold', `what to do: ${job.remedy}`));
  if (job.artefact !== null) lines.push(`result: ${job.artefact}`);
  for (const task of job.tasks) {
    const line = taskLine(task, now) ?? `${task.task}: under way`;
    lines.push(task.state === 'failed' ? paint('red', line) : line);
  }
  return lines;
}

/** What it is doing at this moment, for a job that is under way. */
function presently(job: JobStatus, { daemon }: Status, now: number, paint: Paint): string | null {
  if (isOver(job)) return null;
  if (daemon === null && isActive(job)) {
    const pid = job.trainer_pid;
    const trainer = pid === null ? 'It' : `Its trainer (pid ${pid})`;
    return paint('yellow', `was ${job.state} when last seen. ${trainer} may go on by itself.`);
  }
  if (!isActive(job)) return null;
  const phase = job.phase === null ? [] : [`phase ${job.phase}`];
  const pid = job.trainer_pid === null ? [] : [`trainer pid ${job.trainer_pid}`];
  const step =
    job.last_step_time === null ? [] : [`last step ${relative(job.last_step_time, now)}`];
  const all = [...phase, ...step, ...pid];
  return all.length === 0 ? null : paint('dim', all.join(', '));
}
