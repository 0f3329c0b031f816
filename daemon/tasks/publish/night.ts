import { ettr, type Job } from '../../core/index.js';

/**
 * The account of a finished training, as a table. Kinds and numbers alone: what an incident says
 * quotes the trainer's output, and a card may be public.
 */
export function nightOf(job: Job): string {
  const { progress, tally } = job;
  const ended = job.ended_at ?? 0;
  const share = ettr(job, ended);
  const total = progress.total === null ? '' : ` of ${progress.total}`;
  const rows: (readonly [string, string] | null)[] = [
    progress.step === null ? null : ['Steps', `${progress.step}${total}`],
    ['Attempts', attempts(job)],
    ['Steps made twice', String(tally.lost_steps)],
    job.started_at === null ? null : ['Duration', hours(ended - job.started_at)],
    share === null ? null : ['Effective training time (ETTR)', `${(share * 100).toFixed(1)} %`],
    progress.loss === null ? null : ['Last loss', progress.loss.toPrecision(4)],
  ];
  const lines = rows.filter((row) => row !== null).map(([what, value]) => `| ${what} | ${value} |`);
  return ['| | |', '|---|---|', ...lines].join('\n') + incidents(job);
}

function attempts({ attempts_by_cause: by }: Job): string {
  const all = Object.values(by).reduce((sum, n) => sum + n, 0);
  const causes = Object.entries(by).filter(([cause]) => cause !== 'start');
  if (causes.length === 0) return String(all);
  return `${all} (after ${causes.map(([cause, n]) => `${cause} ${n}`).join(', ')})`;
}

function incidents(job: Job): string {
  if (job.incidents.length === 0) return '\n\nNothing happened.';
  const since = job.started_at ?? job.queued_at;
  const lines = job.incidents.map(
    ({ time, attempt, kind }) =>
      `- after ${hours(time - since)}${attempt > 0 ? `, attempt ${attempt}` : ''}: ${kind.replaceAll('_', ' ')}`,
  );
  return `\n\n${lines.join('\n')}`;
}

/** `4 h 05 min`, `12 min`, `8 s`. */
function hours(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}
