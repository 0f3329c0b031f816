import { isDeepStrictEqual } from 'node:util';
import {
  type Entry,
  type Event,
  fold,
  initialState,
  type JobStatus,
  reduce,
  type State,
  statusOf,
} from '../../daemon/core/index.js';
import { readJournal } from '../../daemon/journal/index.js';
import type { Night } from './night.js';

/**
 * What the journal of a run lacks. Every number is there; the files fold to the same state as all the
 * lines that were ever seen in them; that state is what the daemon said last; and whatever the daemon
 * said before is the state after some entry, so that nothing anyone was told was lost.
 */
export async function journalFaults(night: Night): Promise<string[]> {
  const { entries, home, last, told, over } = night;
  const faults = gaps(entries);
  const seen = fold(entries);
  const { state } = await readJournal<Event, State>({
    dir: home.state,
    initial: initialState,
    apply: (before, entry) => reduce(before, entry as never),
  });
  // What is read from a snapshot went through JSON, which leaves out what is undefined.
  if (!isDeepStrictEqual(state, JSON.parse(JSON.stringify(seen))))
    faults.push('the state of the files is not that of the entries seen in them');
  if (over && last !== null && !isSame(last, jobOf(state)))
    faults.push(`the daemon said ${say(last)}, its journal says ${say(jobOf(state))}`);
  const possible = new Set<string>();
  let at = initialState;
  for (const entry of entries) {
    at = reduce(at, entry);
    possible.add(JSON.stringify(timeless(jobOf(at))));
  }
  for (const status of told) {
    if (possible.has(JSON.stringify(timeless(status)))) continue;
    faults.push(`the daemon once said what is not in the journal: ${say(status)}`);
    break;
  }
  return faults;
}

function gaps(entries: readonly Entry[]): string[] {
  const missing = entries.findIndex(({ seq }, i) => seq !== i + 1);
  return missing < 0 ? [] : [`entry ${missing + 1} is missing from the journal`];
}

function jobOf(state: State): JobStatus | null {
  return statusOf(state, state.last_event_at, true).jobs[0] ?? null;
}

/** The ratio goes on changing with the time at which it is asked for. */
const timeless = (job: JobStatus | null): object | null =>
  job === null ? null : { ...job, ettr: null };

const isSame = (a: JobStatus, b: JobStatus | null): boolean =>
  JSON.stringify(timeless(a)) === JSON.stringify(timeless(b));

const say = (job: JobStatus | null): string => {
  if (job === null) return 'that there is no job';
  const { state, attempt, step, checkpoint, lost_steps, attempts_by_cause, incidents } = job;
  const said = { state, attempt, step, saved: checkpoint?.step, lost_steps, attempts_by_cause };
  return JSON.stringify({ ...said, incidents: incidents.length });
};
