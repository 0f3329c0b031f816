import type { JobStatus } from '../core/index.js';
import { count, duration, loss, percent, rate, relative, steps } from './format/index.js';

/**
 * How a job is getting on, most telling first: `step 120/400`, `30 %`, `loss 0.0812`,
 * `1.8 steps/s`, `2 min 40 s left`, `phase sample`, `attempt 2`. What is not known is left out.
 * @param speed steps per second, null where unknown.
 */
export function facts(job: JobStatus, speed: number | null): string[] {
  const share = percent(job.step, job.total_steps);
  const left = secondsLeft(job, speed);
  const found = [
    job.step === null ? null : `step ${steps(job.step, job.total_steps)}`,
    job.step === null ? null : share,
    job.loss === null ? null : `loss ${loss(job.loss)}`,
    speed === null ? null : rate(speed),
    left === null ? null : `${duration(left)} left`,
    job.phase === null || job.phase === 'step' ? null : `phase ${job.phase}`,
    job.attempt > 1 ? `attempt ${job.attempt}` : null,
  ];
  return found.filter((fact) => fact !== null);
}

/** By the speed told beside it where there is one, so that the two agree; else as the daemon says. */
function secondsLeft({ step, total_steps, eta_seconds }: JobStatus, speed: number | null) {
  if (speed === null || speed <= 0 || step === null || total_steps === null) return eta_seconds;
  return Math.max(0, total_steps - step) / speed;
}

/** The state in words, for one line: `no new step for 40 s: watched closely`. */
export function stateWords(job: JobStatus, now: number): string {
  switch (job.state) {
    case 'suspect': {
      if (job.last_step_time === null) return 'suspect: no sign of life yet';
      return `suspect: last step ${relative(job.last_step_time, now)}`;
    }
    case 'recovering':
      return `recovering, attempt ${job.attempt}`;
    default:
      return job.state;
  }
}

/** One line about a job that is over, or that waits for its owner. */
export function ending(job: JobStatus): string {
  const tries = job.attempt > 1 ? ` after ${count(job.attempt, 'attempt')}` : '';
  const lost = job.lost_steps > 0 ? `, ${count(job.lost_steps, 'step')} done twice` : '';
  switch (job.state) {
    case 'finished':
      return `finished at step ${steps(job.step, job.total_steps)}${tries}${lost}`;
    case 'failed':
      return `failed${tries}: ${job.reason ?? 'no reason given'}`;
    case 'holding':
      return `holding${tries}: ${job.reason ?? 'no reason given'}`;
    case 'stopped':
      return `stopped at step ${steps(job.step, job.total_steps)}`;
    default:
      return job.state;
  }
}
