import { redactData } from '../../config/index.js';
import type { Observation } from '../core/index.js';

/** Observations that carry numbers alone, many a second; and those whose texts are what is to be run,
 * which a change would break. Job files with a token in them are refused before they get here. */
const AS_IT_IS: ReadonlySet<Observation['is']> = new Set<Observation['is']>([
  'tick',
  'beat',
  'steps',
  'outside',
  'process_state',
  'queue',
  'follow_up',
]);

/** What an edge saw, without secrets: reasons quote the last lines of trainers. Before anything is
 * decided on it, so that journal, state, status, metrics and mails are clean alike. */
export function cleaned(seen: Observation): Observation {
  return AS_IT_IS.has(seen.is) ? seen : redactData(seen);
}
