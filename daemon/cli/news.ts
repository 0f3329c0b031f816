import type { Incident, JobStatus, TaskStatus } from '../core/index.js';
import { ending } from './facts.js';
import { duration } from './format/index.js';

/**
 * What happened to a job between two looks at it, one line each, oldest first. Pure.
 * @param before null at the first look: what was before that is not news.
 */
export function news(before: JobStatus | null, after: JobStatus): string[] {
  if (before === null) return [opening(after)];
  const fresh = newIncidents(before, after);
  const lines: string[] = [];
  // Attempts that came and went between the two looks are told in their order.
  const told = (attempt: number) => fresh.filter((incident) => incident.attempt === attempt);
  const first = fresh.filter(({ attempt }) => attempt <= before.attempt);
  lines.push(...first.map(incidentLine));
  for (let attempt = before.attempt + 1; attempt <= after.attempt; attempt++) {
    lines.push(attemptLine(attempt, attempt === after.attempt ? after.resumed_from : null));
    lines.push(...told(attempt).map(incidentLine));
  }
  if (after.state !== before.state) lines.push(...stateLine(before, after));
  lines.push(...taskNews(before, after));
  return lines;
}

function taskNews(before: JobStatus, after: JobStatus): string[] {
  return after.tasks.flatMap((task) => {
    const was = before.tasks.find((one) => one.task === task.task);
    if (was?.state === task.state && was.tries === task.tries) return [];
    return taskLine(task, null) ?? [];
  });
}

/** A follow-up in one line; null while there is nothing to say. `now`: Unix seconds, null where how
 * long is left is of no interest. */
export function taskLine(
  { task, state, tries, places, note, reason, remedy, next_try }: TaskStatus,
  now: number | null,
): string | null {
  const why = [reason, remedy]
    .filter((part) => part)
    .map((part) => part?.replace(/\.$/, ''))
    .join('. ');
  switch (state) {
    case 'running':
      return tries > 1 ? `${task}: try ${tries}` : null;
    case 'done':
      return `${task}: ${places.join(', ')}${note === undefined ? '' : `. ${note}`}`;
    case 'waiting': {
      const left = next_try === null || now === null ? null : Math.max(0, next_try - now);
      return `${task} failed: ${why}. Tried again${left === null ? '' : ` in ${duration(left)}`}`;
    }
    case 'failed':
      return `${task} failed: ${why}`;
  }
}

/** Incidents of the later status that the earlier did not have; the list is cut at its old end. */
export function newIncidents(before: JobStatus, after: JobStatus): readonly Incident[] {
  const known = new Set(before.incidents.map(key));
  return after.incidents.filter((incident) => !known.has(key(incident)));
}

/** `attempt 1: hang: no progress for 3.1 s`. */
export function incidentLine({ attempt, kind, text }: Incident): string {
  return attempt > 0 ? `attempt ${attempt}: ${kind}: ${text}` : `${kind}: ${text}`;
}

const key = ({ time, attempt, kind, text }: Incident) => `${time} ${attempt} ${kind} ${text}`;

function opening({ state, step }: JobStatus): string {
  const words = state === 'running' ? 'training' : state;
  return step === null || state === 'finished' ? words : `${words}, step ${step}`;
}

function attemptLine(attempt: number, step: number | null): string {
  return step === null
    ? `attempt ${attempt} starts`
    : `attempt ${attempt} starts from step ${step}`;
}

function stateLine(before: JobStatus, after: JobStatus): string[] {
  switch (after.state) {
    case 'finished':
    case 'failed':
    case 'holding':
    case 'stopped': {
      const remedy = after.remedy ? [`what to do: ${after.remedy}`] : [];
      return [ending(after), ...remedy];
    }
    case 'running':
      if (before.state === 'suspect') return ['steps again: no hang'];
      if (before.state === 'recovering') return ['recovered: new steps'];
      return ['training'];
    case 'suspect':
      return [`no progress in phase ${after.phase ?? 'unknown'}: watched closely`];
    case 'downloading':
      return ['downloading models'];
    case 'starting':
    case 'recovering':
    case 'queued':
      return [];
  }
}
