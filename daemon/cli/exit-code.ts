import type { JobStatus } from '../core/index.js';
import { EXIT } from './errors.js';

/** What a job's end (or hold) means to the script that ran it; null while it goes on. */
export function exitCodeOf({ state, cause }: JobStatus): number | null {
  switch (state) {
    case 'finished':
      return EXIT.done;
    case 'stopped':
      return EXIT.failed;
    case 'failed':
      // The supervisor gives up only on what will not mend or has failed too often.
      if (cause === 'host_bad') return EXIT.hostBad;
      return cause === null ? EXIT.failed : EXIT.gaveUp;
    case 'holding':
      // A hold for disk space ends when there is room; a bad host does not become good.
      return cause === 'host_bad' ? EXIT.hostBad : null;
    default:
      return null;
  }
}
