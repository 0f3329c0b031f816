import type { Entry, EventOf } from './events.js';
import { onFollowUp } from './follow-ups.js';
import { noMail } from './mail.js';
import { initialJob, onAttempt } from './reduce-attempt.js';
import { onDownload } from './reduce-download.js';
import { reduceMail } from './reduce-mail.js';
import { onProgress } from './reduce-progress.js';
import { type Incident, initialState, type Job, type State } from './state.js';

const INCIDENTS_KEPT = 100;
const PROFILES_KEPT = 32;

/** The fold: state after one more journal entry. Pure; unknown entries change nothing but `seq`. */
export function reduce(state: State, entry: Entry): State {
  const next = happened(state, entry);
  if (state.mail === undefined && entry.type !== 'mail_configured') return next;
  const mail = reduceMail(state.mail ?? noMail, entry);
  return mail === state.mail ? next : { ...next, mail };
}

function happened(state: State, entry: Entry): State {
  switch (entry.type) {
    case 'daemon_started': {
      const { leaving: _over, ...here } = after(state, entry);
      return {
        ...here,
        starts: state.starts + 1,
        daemon: { pid: entry.pid, version: entry.version, started: entry.time },
        host_bad: isSameBoot(state, entry.boot_id) ? state.host_bad : null,
        boot_id: entry.boot_id,
      };
    }
    case 'daemon_stopping':
      return entry.trainers === undefined
        ? { ...after(state, entry), daemon: null }
        : { ...after(state, entry), daemon: null, leaving: true, jobs: toldToGo(state.jobs) };
    case 'job_queued':
      return { ...after(state, entry), jobs: queued(state, entry) };
    case 'download_queued':
    case 'download_ended':
      return { ...after(state, entry), downloads: onDownload(state.downloads ?? {}, entry) };
    case 'attempt_ended':
      return taught(withJob(state, entry), entry.job);
    case 'host_found_bad':
    case 'trainer_unkillable':
      return withJob({ ...state, host_bad: entry.why }, entry);
    default:
      return withJob(state, entry);
  }
}

/** The state after an entry that changes nothing else. */
function after(state: State, { seq, time }: Entry): State {
  return { ...state, seq, last_event_at: time };
}

function toldToGo(jobs: State['jobs']): State['jobs'] {
  const told = Object.entries(jobs).map(([name, job]) => [
    name,
    'attempt' in job.run ? { ...job, told_to_go: job.run.attempt } : job,
  ]);
  return Object.fromEntries(told);
}

/** What was found bad of a machine says nothing of another one, nor of this one once it was restarted.
 * A state of an earlier version does not know its boot. */
function isSameBoot({ boot_id }: State, now: string): boolean {
  return boot_id === undefined || boot_id === null || boot_id === now;
}

/** Queued again under its name: a new run of it, at the end of the queue. */
function queued(state: State, entry: EventOf<'job_queued'> & { time: number }): State['jobs'] {
  const { [entry.job]: earlier, ...others } = state.jobs;
  const learned = state.profiles[entry.spec.profile] ?? {};
  return { ...others, [entry.job]: initialJob(entry.spec, entry.time, earlier, learned) };
}

/** Keeps what an attempt has learned of its phases for every job of the same profile. */
function taught(state: State, name: string): State {
  const job = state.jobs[name];
  if (job === undefined) return state;
  const { [job.spec.profile]: _older, ...others } = state.profiles;
  const kept = Object.entries(others).slice(1 - PROFILES_KEPT);
  return { ...state, profiles: { ...Object.fromEntries(kept), [job.spec.profile]: job.learned } };
}

function withJob(state: State, entry: Entry): State {
  const job = 'job' in entry ? state.jobs[entry.job] : undefined;
  if (job === undefined) return after(state, entry);
  const changed = onFollowUp(onProgress(onAttempt(job, entry), entry), entry);
  const incident = incidentOf(entry);
  const kept = incident === null ? changed : withIncident(changed, incident);
  // One copy: this is done with each step that is journalled.
  const { seq, time } = entry;
  return { ...state, seq, last_event_at: time, jobs: { ...state.jobs, [job.name]: kept } };
}

function withIncident(job: Job, incident: Incident): Job {
  return { ...job, incidents: [...job.incidents, incident].slice(-INCIDENTS_KEPT) };
}

function incidentOf(entry: Entry): Incident | null {
  const time = entry.time;
  switch (entry.type) {
    case 'attempt_ended':
      if (entry.cause === 'done' || entry.cause === 'stopped') return null;
      return { time, attempt: entry.attempt, kind: entry.cause, text: entry.reason };
    case 'trainer_continued':
      return {
        time,
        attempt: entry.attempt,
        kind: 'continued',
        text: 'was stopped by a signal; continued, nothing lost',
      };
    case 'checkpoint_quarantined':
      return {
        time,
        attempt: 0,
        kind: 'quarantined',
        text: `checkpoint of step ${entry.step}: ${entry.reason}`,
      };
    case 'attempt_adopted':
      return {
        time,
        attempt: entry.attempt,
        kind: 'adopted',
        text: `the daemon came back after ${Math.round(entry.unwatched_seconds)} s and found the trainer alive`,
      };
    case 'trainer_unkillable':
      return { time, attempt: entry.attempt, kind: 'host_bad', text: entry.why };
    default:
      return null;
  }
}

export function fold(entries: Iterable<Entry>, from: State = initialState): State {
  let state = from;
  for (const entry of entries) state = reduce(state, entry);
  return state;
}
