import type { JobStatus } from '../core/index.js';
import { EXIT } from './errors.js';

/** What a job's end (or hold) means to the script that ran it; null while it goes on. */
export function exitCodeOf(job: JobStatus): number | null {
  const cause = job.incidents.findLast(({ kind }) => !PASSING.has(kind))?.kind;
  switch (job.state) {
    case 'finished':
      return EXIT.done;
    case 'stopped':
      return EXIT.failed;
    case 'failed':
      if (cause === 'host_bad') return EXIT.hostBad;
      // The supervisor itself gives up only on what will not mend or has failed too often; what
      // failed without an attempt of the trainer (a download, say) may go better another time.
      return cause === undefined ? EXIT.failed : EXIT.gaveUp;
    case 'holding':
      // A hold for disk space ends when there is room; a bad host does not become good.
      return cause === 'host_bad' ? EXIT.hostBad : null;
    default:
      return null;
  }
}

/** Incidents that ended no attempt. */
const PASSING: ReadonlySet<string> = new Set(['continued', 'quarantined', 'adopted']);
