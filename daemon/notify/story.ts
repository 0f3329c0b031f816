import type { HangFacts, Job, Notice } from '../core/index.js';
import { duration, plural } from '../log/index.js';
import { clock } from './layout.js';

export function whatWasSeen(notice: Notice, job: Job): string[] {
  switch (notice.kind) {
    case 'hang':
      return hangSeen(notice, job);
    case 'finished':
      return [
        job.run.at === 'finished' && job.run.artefact !== null
          ? `${job.name} is finished, and what it was to make was read and found whole: ${job.run.artefact}`
          : `${job.name} is finished.`,
      ];
    default:
      return [reason(job) ?? `${job.name} is ${job.run.at}.`];
  }
}

function hangSeen({ hang, count, since, at, attempt }: Notice, job: Job): string[] {
  if (hang === null) return [];
  const lines = [
    `${job.name} made no progress in ${hang.phase} for ${duration(hang.silent_seconds)} (attempt ${attempt}): ${hang.why}.`,
    `Confirmed as a hang at ${clock(at)}.`,
  ];
  return count === 1 ? lines : [...lines, `It was hang ${count} since ${clock(since)}.`];
}

export function whatWasDone(notice: Notice, job: Job, wall: number): string[] {
  switch (notice.kind) {
    case 'hang':
      return notice.hang === null ? [] : hangDone(notice.hang, job);
    case 'finished':
      return [];
    case 'gave_up':
    case 'permanent':
      return ['Given up: nothing is started any more, and nothing was deleted.'];
    case 'host_bad':
      return [`Nothing is started on this machine any more${since(notice, wall)}.`];
    case 'held':
      return [`It waits${since(notice, wall)}, with nothing running, and goes on by itself.`];
  }
}

/** For the second mail about a thing that lasts, and those after. */
function since({ since: at, reminders }: Notice, wall: number): string {
  return reminders === 0 ? '' : `, since ${clock(at)} (${duration(wall - at)})`;
}

function hangDone({ evidence, killed, resumed, recovery_seconds }: HangFacts, job: Job): string[] {
  const lines: string[] = [];
  if (evidence !== null) lines.push('Evidence was saved.');
  if (killed !== null) {
    const how = killed.escalated ? ' by SIGKILL, since it was deaf to SIGTERM' : '';
    lines.push(`The trainer and all it had started were ended${how}.`);
  }
  if (resumed !== null) {
    const from =
      resumed.step === null ? 'from the beginning' : `from the checkpoint of step ${resumed.step}`;
    const lost =
      resumed.lost_steps === 0 ? '' : `, ${plural(resumed.lost_steps, 'step')} to make again`;
    lines.push(`Attempt ${resumed.attempt} was started ${from}${lost}.`);
  }
  if (recovery_seconds !== null)
    lines.push(`It made its next step ${duration(recovery_seconds)} after its end.`);
  else if (job.run.at === 'failed') lines.push('Then it was given up.');
  else lines.push('It has made no step since. Should it not recover, another mail follows.');
  return lines;
}

/** The command comes last and alone, to be copied. */
export function toDo(notice: Notice, job: Job, home: string): string[] {
  switch (notice.kind) {
    case 'hang':
      return notice.count > 2
        ? ['Nothing now. Should it go on like this, look at the evidence.']
        : ['Nothing.'];
    case 'finished':
      return ['Nothing. A rented pod goes on costing money until it is stopped.'];
    case 'held':
      return notice.cause === 'network'
        ? remedy(job)
        : [...remedy(job), 'Then nothing: it looks for room by itself.'];
    case 'host_bad':
      return remedy(job);
    case 'gave_up':
    case 'permanent':
      return [
        ...remedy(job),
        'After that, to go on from the last good checkpoint:',
        `nightwarden --home ${quoted(home)} resume ${job.name}`,
        'A changed job file has to be queued again with `nightwarden run`.',
      ];
  }
}

function reason({ run }: Job): string | null {
  return 'reason' in run ? sentence(run.reason) : null;
}

function remedy({ run }: Job): string[] {
  return 'remedy' in run && run.remedy !== '' ? [run.remedy] : ['Look at the end of its log.'];
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
