import { type Core, decide } from '../decide/index.js';
import type { Entry, Event, EventOf } from '../events.js';
import type { Observation } from '../observations.js';
import type { Policy } from '../policy.js';
import type { Job } from '../state.js';
import type { Now } from '../time.js';
import type { Outcome, Then } from './types.js';

type Ended = EventOf<'attempt_ended'> & Entry;

/** Of each end of an attempt, by its number, what the night made of it. */
export function recordedOutcomes(entries: readonly Entry[]): Map<number, Outcome> {
  const outcomes = new Map<number, Outcome>();
  const open = new Map<string, Ended>();
  const close = (ended: Ended, followed_by: Then): void => {
    const { attempt, time, cause, reason } = ended;
    outcomes.set(ended.seq, { kind: 'ending', attempt, time, cause, followed_by, reason });
    open.delete(ended.job);
  };
  for (const entry of entries) {
    if (!('job' in entry)) continue;
    const ended = open.get(entry.job);
    const then = thenOf(entry);
    if (ended !== undefined && then !== null) close(ended, then);
    if (entry.type === 'attempt_ended') open.set(entry.job, entry);
  }
  for (const ended of [...open.values()]) close(ended, 'nothing');
  return outcomes;
}

/** What today's rules make of it, on the state that the night had reached. */
export function todaysOutcome(core: Core, ended: Ended, now: Now, policy: Policy): Outcome | null {
  const job = core.state.jobs[ended.job];
  if (job === undefined) return null;
  const { events } = decide(core, observationOf(ended, job), now, policy);
  const own = events.filter((event) => 'job' in event && event.job === ended.job);
  const judged = own.find((event) => event.type === 'attempt_ended');
  if (judged === undefined) return null;
  const followed_by = own.map(thenOf).find((found) => found !== null) ?? 'nothing';
  const { attempt, cause } = judged;
  const failed = own.find((event) => event.type === 'job_failed');
  const reason = failed?.reason ?? judged.reason;
  return { kind: 'ending', attempt, time: ended.time, cause, followed_by, reason };
}

function thenOf(event: Event): Then | null {
  switch (event.type) {
    case 'attempt_starting':
    case 'restart_scheduled':
      return 'restart';
    case 'job_failed':
      return 'give up';
    case 'job_holding':
      return 'hold';
    case 'job_finished':
      return 'finish';
    case 'job_stopped':
      return 'stop';
    default:
      return null;
  }
}

const NOT_STARTED = 'could not be started';

/** The journal quotes the line of the output that told, and that line is judged again. */
function observationOf(ended: Ended, job: Job): Observation {
  const { job: name, attempt, exit, cause, reason } = ended;
  if (reason.startsWith(NOT_STARTED))
    return {
      is: 'spawn_failed',
      job: name,
      attempt,
      reason,
      permanent: cause === 'permanent',
      from: job.checkpoint,
    };
  const quoted = reason.replace(/^(exited with status \d+|killed by SIG\w+)(: )?/, '');
  return {
    is: 'exited',
    job: name,
    attempt,
    ending: {
      exit,
      tail: quoted === '' ? [] : [quoted],
      artefact: artefactOf(ended, job),
      rebooted: cause === 'reboot',
      oom_killed: cause === 'host_oom' && reason.startsWith('killed by the kernel'),
    },
    from: job.checkpoint,
    artefact_path: null,
  };
}

function artefactOf(
  { cause, reason }: Ended,
  job: Job,
): 'whole' | 'torn' | 'absent' | 'nan' | null {
  if (!job.spec.has_artefact) return null;
  if (cause === 'done') return 'whole';
  if (reason.includes('its artefact is torn')) return 'torn';
  if (reason.startsWith('its artefact holds')) return 'nan';
  // Where the step was what lacked, the artefact was not asked about.
  return cause === 'exit_early' && reason.includes('it stood at step') ? 'whole' : 'absent';
}
