import type { Observation } from '../observations.js';
import { NETWORK_WAIT } from '../remedies.js';
import type { Job } from '../state.js';
import { onTick } from './tick.js';
import type { Turn } from './turn.js';

type Seen<K extends Observation['is']> = Extract<Observation, { is: K }>;

const OF_JOB = 'job:';

/** For so long after it was queued (seconds) a job waits for a network that is away; each download has a
 * patience of its own. */
const WHILE_AWAY = 16 * 3600;

/** The name of the download that a job waits for. */
export const jobDownload = (job: string): string => OF_JOB + job;

/** Whether models have to be fetched before the job can start; they are asked for once. */
export function wantsModels(turn: Turn, job: Job): boolean {
  const { models = [] } = job.spec;
  if (models.length === 0 || job.models_ready) return false;
  turn.emit({ type: 'models_wanted', job: job.name, models });
  fetchFor(turn, job);
  return true;
}

function fetchFor(turn: Turn, { name, spec }: Job): void {
  const download = jobDownload(name);
  turn.command({
    do: 'download',
    download,
    models: spec.models ?? [],
    cache: false,
    replace: false,
  });
}

/** What the last daemon had under way goes on. */
export function resumeDownloads(turn: Turn): void {
  for (const [download, { models, cache, replace, end }] of Object.entries(
    turn.state.downloads ?? {},
  )) {
    if (end === null) turn.command({ do: 'download', download, models, cache, replace });
  }
  for (const job of Object.values(turn.state.jobs)) {
    if (job.run.at === 'downloading') fetchFor(turn, job);
  }
}

export function onDownloadWanted(turn: Turn, seen: Seen<'download_wanted'>): void {
  const { download, models, cache, replace } = seen;
  turn.emit({ type: 'download_queued', download, models, cache, replace });
  turn.command({ do: 'download', download, models, cache, replace });
}

export function onDownloadUnwanted(turn: Turn, { download }: Seen<'download_unwanted'>): void {
  if (turn.state.downloads?.[download]?.end !== null) return;
  turn.emit({ type: 'download_ended', download, is: 'stopped' });
  turn.command({ do: 'cancel_download', download });
}

export function onDownloaded(turn: Turn, { download, end }: Seen<'downloaded'>): void {
  if (!download.startsWith(OF_JOB)) {
    if (turn.state.downloads?.[download]?.end === null)
      turn.emit({ type: 'download_ended', download, ...end });
    return;
  }
  const job = turn.job(download.slice(OF_JOB.length));
  // Stopped, or queued anew, while it went on.
  if (job?.run.at !== 'downloading') return;
  if (end.is === 'finished') {
    turn.emit({ type: 'models_ready', job: job.name, files: end.files, bytes: end.bytes });
  } else if (end.is === 'failed') {
    const { reason, remedy } = end;
    const cause = end.away ? 'network' : 'permanent';
    const until = turn.now.wall + NETWORK_WAIT.longest;
    if (end.away && turn.now.wall - job.queued_at < WHILE_AWAY)
      turn.emit({ type: 'job_holding', job: job.name, cause, reason, remedy, until });
    else turn.emit({ type: 'job_failed', job: job.name, cause, reason, remedy });
  }
  onTick(turn);
}
