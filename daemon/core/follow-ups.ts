import type { Entry, EventOf } from './events.js';
import type { Job } from './state.js';

/** What may be done with a finished training. Each is a task of its own: it fails, waits and is tried
 * again by itself, and the training stays finished whatever becomes of it. */
export const FOLLOW_UPS = ['deliver', 'publish'] as const;
export type FollowUp = (typeof FOLLOW_UPS)[number];

/** One asking for a follow-up. `id` is the number of the journal entry that asked; `spec` is opaque
 * to the core: the edges made it and the edges read it. `tries` counts those begun. */
interface Asked {
  readonly id: number;
  readonly spec: unknown;
  readonly queued_at: number;
  readonly tries: number;
}

export type Task = Asked &
  (
    | { readonly at: 'running' }
    | {
        readonly at: 'waiting';
        readonly until: number;
        readonly reason: string;
        readonly remedy: string;
      }
    | {
        readonly at: 'done';
        readonly ended_at: number;
        readonly places: readonly string[];
        readonly note?: string;
      }
    | {
        readonly at: 'failed';
        readonly ended_at: number;
        readonly reason: string;
        readonly remedy: string;
      }
  );

export type Tasks = Readonly<Partial<Record<FollowUp, Task>>>;

/** Tries of one asking before it is given up: with the waits between them well over an hour. */
export const MOST_TRIES = 12;
const FIRST_SECONDS = 5;
const MAX_SECONDS = 600;

/** Seconds until the next try after the `tries`th has failed; `asked` is what the other side wants,
 * honoured up to the longest wait there is. */
export function taskDelay(tries: number, asked: number | null): number {
  const own = FIRST_SECONDS * 2 ** Math.min(tries - 1, 16);
  return Math.min(MAX_SECONDS, Math.max(own, asked ?? 0));
}

/** A wall clock set back must not make a wait longer than any can be. */
export function isDue(task: Task, wall: number): boolean {
  if (task.at !== 'waiting') return false;
  const left = task.until - wall;
  return left <= 0 || left > MAX_SECONDS;
}

/** The job after an event of one of its follow-ups; an event of an earlier asking changes nothing. */
export function onFollowUp(job: Job, entry: Entry): Job {
  switch (entry.type) {
    case 'task_queued':
      return withTask(job, entry.task, {
        id: entry.seq,
        spec: entry.spec,
        queued_at: entry.time,
        tries: 0,
        at: 'running',
      });
    case 'task_started':
      return changed(job, entry, ({ tries, ...asked }) => ({
        ...asked,
        tries: Math.max(tries, entry.try),
        at: 'running',
      }));
    case 'task_done':
      return changed(job, entry, (asked) => ({
        ...asked,
        at: 'done',
        ended_at: entry.time,
        places: entry.places,
        ...(entry.note === undefined ? {} : { note: entry.note }),
      }));
    case 'task_failed': {
      const { reason, remedy, retry_at: until } = entry;
      return changed(job, entry, (asked) =>
        until === null
          ? { ...asked, at: 'failed', ended_at: entry.time, reason, remedy }
          : { ...asked, at: 'waiting', until, reason, remedy },
      );
    }
    default:
      return job;
  }
}

type Ended = EventOf<'task_started' | 'task_done' | 'task_failed'>;

function changed(job: Job, { task: name, id }: Ended, next: (asked: Asked) => Task): Job {
  const task = job.tasks?.[name];
  if (task === undefined || task.id !== id) return job;
  const { spec, queued_at, tries } = task;
  return withTask(job, name, next({ id, spec, queued_at, tries }));
}

function withTask(job: Job, name: FollowUp, task: Task): Job {
  return { ...job, tasks: { ...job.tasks, [name]: task } };
}
