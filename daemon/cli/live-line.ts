import type { JobStatus } from '../core/index.js';
import { facts, stateWords } from './facts.js';
import { colourOf, type Paint, percent } from './format/index.js';

const BAR_COLUMNS = 16;

/**
 * The line that is redrawn while a job runs: its name, a bar, and how it is getting on. The caller
 * cuts it to the terminal's width.
 * @param now Unix seconds.
 */
export function liveLine(job: JobStatus, speed: number | null, now: number, paint: Paint): string {
  const quiet = job.state === 'running';
  const words = quiet ? [] : [paint(colourOf(job.state), stateWords(job, now))];
  const told = facts(job, speed).filter((fact) => quiet || !fact.startsWith('attempt '));
  return [paint('bold', job.name), bar(job, paint), ...words, told.join(', ')]
    .filter((part) => part !== '')
    .join('  ');
}

function bar(job: JobStatus, paint: Paint): string {
  if (percent(job.step, job.total_steps) === null) return '';
  const share = Math.min(1, job.step! / job.total_steps!);
  const full = Math.floor(share * BAR_COLUMNS);
  return paint('green', '━'.repeat(full)) + paint('dim', '─'.repeat(BAR_COLUMNS - full));
}
