import { FOLLOW_UPS, type FollowUp, isDue, MOST_TRIES, taskDelay } from '../follow-ups.js';
import type { Observation } from '../observations.js';
import type { Turn } from './turn.js';

type Seen<K extends Observation['is']> = Extract<Observation, { is: K }>;

/** The training is finished: what its job file asks for afterwards is begun, each by itself. */
export function followUp(turn: Turn, job: string): void {
  const asked = turn.job(job)?.spec.follow_ups ?? {};
  for (const task of FOLLOW_UPS) {
    if (asked[task] !== undefined) begin(turn, job, task, asked[task]);
  }
}

/** A person asks for one. What waits for its next try begins anew at once. */
export function onFollowUp(turn: Turn, { job, task, spec }: Seen<'follow_up'>): void {
  begin(turn, job, task, spec);
}

/** After a start of the daemon: whatever was under way goes on. It is the same try: nothing failed. */
export function takeUp(turn: Turn, job: string): void {
  for (const task of FOLLOW_UPS) {
    if (turn.job(job)?.tasks?.[task]?.at === 'running') command(turn, job, task);
  }
}

/** Failed ones whose wait is over are tried again. */
export function onTasksDue(turn: Turn): void {
  for (const { name, tasks } of Object.values(turn.state.jobs)) {
    if (tasks === undefined) continue;
    for (const task of FOLLOW_UPS) {
      const at = tasks[task];
      if (at !== undefined && isDue(at, turn.now.wall)) attempt(turn, name, task);
    }
  }
}

/** What became of a try. One of an asking that another has replaced decides nothing. */
export function onFollowedUp(turn: Turn, seen: Seen<'followed_up'>): void {
  const { job, task: name, id, outcome } = seen;
  const task = turn.job(job)?.tasks?.[name];
  if (task === undefined || task.id !== id || task.at !== 'running') return;
  if (outcome.is === 'done') {
    const { is: _done, ...told } = outcome;
    turn.emit({ type: 'task_done', job, task: name, id, ...told });
    return;
  }
  const { reason, remedy, permanent, retry_after } = outcome;
  const last = permanent || task.tries >= MOST_TRIES;
  const retry_at = last ? null : turn.now.wall + taskDelay(task.tries, retry_after);
  turn.emit({
    type: 'task_failed',
    job,
    task: name,
    id,
    try: task.tries,
    reason,
    remedy,
    retry_at,
  });
}

function begin(turn: Turn, job: string, task: FollowUp, spec: unknown): void {
  turn.emit({ type: 'task_queued', job, task, spec });
  attempt(turn, job, task);
}

function attempt(turn: Turn, job: string, name: FollowUp): void {
  const task = turn.job(job)?.tasks?.[name];
  if (task === undefined) return;
  turn.emit({ type: 'task_started', job, task: name, id: task.id, try: task.tries + 1 });
  command(turn, job, name);
}

function command(turn: Turn, job: string, name: FollowUp): void {
  const task = turn.job(job)?.tasks?.[name];
  if (task !== undefined) turn.command({ do: 'follow_up', job, task: name, id: task.id });
}
