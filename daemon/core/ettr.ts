import type { Job } from './state.js';

/**
 * Effective training time ratio: seconds that moved the run beyond its highest step, over wall
 * clock since the first attempt (ByteRobust, SOSP 2025: cumulative and over the last hour).
 * Null before the first attempt. 0 ≤ ratio ≤ 1.
 */
export function ettr(job: Job, wall: number): number | null {
  if (job.started_at === null) return null;
  const lived = (job.ended_at ?? wall) - job.started_at;
  return lived > 0 ? Math.min(1, job.tally.useful_seconds / lived) : null;
}

/** The same over the hour before `wall`, or over the job's life where that is shorter. */
export function ettrLastHour(job: Job, wall: number): number | null {
  if (job.started_at === null) return null;
  const end = job.ended_at ?? wall;
  const lived = Math.min(3600, end - job.started_at);
  if (lived <= 0) return null;
  const first = Math.floor(end / 60) - 60;
  const useful = job.tally.minutes.reduce(
    (sum, [minute, seconds]) => (minute > first ? sum + seconds : sum),
    0,
  );
  return Math.min(1, useful / lived);
}
