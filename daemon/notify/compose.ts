import { ettr, type Job, type Notice } from '../core/index.js';
import { duration, plural, redact } from '../log/index.js';
import { clock, type Part, sections } from './layout.js';
import { toDo, whatWasDone, whatWasSeen } from './story.js';

/** Where the daemon runs, for the mail's foot and its commands. */
export interface Surroundings {
  readonly home: string;
  readonly host: string;
  readonly version: string;
}

export interface Words {
  readonly subject: string;
  readonly text: string;
}

const INCIDENTS = 12;
/** Hangs whose evidence is named. */
const HUNG = 3;

/** A notice as a plain-text mail; `wall` in Unix seconds. Pure, so the whole text can be looked at. */
export function compose(notice: Notice, job: Job, wall: number, at: Surroundings): Words {
  const parts: Part[] = [
    { title: 'What was seen', lines: whatWasSeen(notice, job) },
    { title: 'What was done', lines: whatWasDone(notice, job, wall) },
    { title: 'Where the evidence lies', lines: whereToLook(notice, job, at) },
    { title: 'How it stands', lines: standing(job, wall) },
    { title: 'What happened so far', lines: incidents(job) },
    { title: 'What you have to do', lines: toDo(notice, job, at.home) },
  ];
  const foot = `Nightwarden ${at.version} on ${at.host}, home ${at.home}, journal entry ${notice.seq}.`;
  return {
    subject: redact(subject(notice, job)),
    text: redact(`${sections(parts)}\n-- \n${foot}\n`),
  };
}

/** What matters most first: a phone shows some forty characters of it. */
function subject(notice: Notice, { name, progress }: Job): string {
  const at = progress.step === null ? '' : `, step ${progress.step}`;
  switch (notice.kind) {
    case 'hang': {
      const hangs = notice.count > 1 ? `${notice.count} hangs` : 'Hang';
      const how = notice.hang?.recovery_seconds != null ? ', resumed' : ', recovering';
      return `${hangs}${how}: ${name}${at}`;
    }
    case 'gave_up':
      return `Gave up (${notice.cause}): ${name}${at}`;
    case 'permanent':
      return `Cannot run: ${name}`;
    case 'host_bad':
      return `Bad machine${still(notice)}: ${name}${at}`;
    case 'held':
      return `${HELD[notice.cause] ?? 'On hold'}, waiting${still(notice)}: ${name}${at}`;
    case 'finished':
      return `Finished: ${name}${at}`;
  }
}

const HELD: Readonly<Record<string, string>> = { disk_full: 'Disk full', network: 'No network' };

const still = ({ reminders }: Notice): string => (reminders > 0 ? ' still' : '');

/** The folders of the home are a contract (docs/design.md). */
function whereToLook(notice: Notice, job: Job, { home }: Surroundings): string[] {
  const log = (attempt: number): string => `${home}/logs/${job.name}/attempt-${attempt}.log`;
  if (notice.hang !== null) {
    const { evidence } = notice.hang;
    return [...(evidence === null ? [] : [evidence]), log(notice.attempt)];
  }
  const hung = job.incidents.filter(({ kind }) => kind === 'hang').slice(-HUNG);
  const folders = hung.map(
    ({ attempt }) => `${home}/state/jobs/${job.name}/attempts/${attempt}/evidence`,
  );
  return job.attempt === 0 ? [] : [...folders, log(job.attempt)];
}

function standing(job: Job, wall: number): string[] {
  const { progress, tally, checkpoint } = job;
  const ratio = ettr(job, wall);
  const rows: [string, string | null][] = [
    ['step', progress.step === null ? null : `${progress.step}${of(progress.total)}`],
    ['loss', progress.loss === null ? null : String(Number(progress.loss.toPrecision(4)))],
    ['checkpoint', checkpoint === null ? null : `step ${checkpoint.step}, ${checkpoint.path}`],
    ['attempts', attempts(job)],
    ['steps made again', tally.lost_steps === 0 ? null : String(tally.lost_steps)],
    ['ETTR', ratio === null ? null : `${(ratio * 100).toFixed(1)} %`],
    ['time', job.started_at === null ? null : duration((job.ended_at ?? wall) - job.started_at)],
  ];
  const known = rows.filter((row): row is [string, string] => row[1] !== null);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

const of = (total: number | null): string => (total === null ? '' : ` of ${total}`);

function attempts({ attempt, attempts_by_cause }: Job): string {
  const causes = Object.entries(attempts_by_cause).map(([cause, n]) => `${cause} ${n}`);
  return causes.length === 0 ? String(attempt) : `${attempt} (${causes.join(', ')})`;
}

function incidents(job: Job): string[] {
  const shown = job.incidents.slice(-INCIDENTS);
  const left = job.incidents.length - shown.length;
  const lines = shown.map(({ time, attempt, kind, text }) => {
    const which = attempt === 0 ? '' : `, attempt ${attempt}`;
    return `${clock(time)}${which}: ${kind}: ${text}`;
  });
  return left === 0 ? lines : [`(${plural(left, 'earlier incident')})`, ...lines];
}
