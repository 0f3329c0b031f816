import type { JobStatus, Status } from '../core/index.js';
import { usageError } from './errors.js';
import { suggestion } from './suggestion.js';

const ACTIVE: ReadonlySet<JobStatus['state']> = new Set([
  'downloading',
  'starting',
  'running',
  'suspect',
  'recovering',
  'holding',
]);
const OVER: ReadonlySet<JobStatus['state']> = new Set(['finished', 'failed', 'stopped']);

/** It occupies the machine, between attempts too. */
export const isActive = (job: JobStatus): boolean => ACTIVE.has(job.state);
export const isOver = (job: JobStatus): boolean => OVER.has(job.state);

/** The job of that name. Throws a usage error that names the nearest one. */
export function jobNamed(status: Status, name: string): JobStatus {
  const found = status.jobs.find((job) => job.name === name);
  if (found !== undefined) return found;
  const names = status.jobs.map((job) => job.name);
  if (names.length === 0)
    throw usageError(`There is no job named ${name}: none was ever queued here.`);
  const meant = suggestion(name, names);
  const hint = meant === null ? `Known: ${names.join(', ')}.` : `Did you mean ${meant}?`;
  throw usageError(`There is no job named ${name}. ${hint}`);
}

/** The job a person means who names none: the active one, else the last one queued. */
export function presentJob(status: Status): JobStatus | null {
  return status.jobs.findLast(isActive) ?? status.jobs.at(-1) ?? null;
}
