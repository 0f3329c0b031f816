import type { Entry, EventOf, EventType } from '../core/index.js';
import type { Level } from './types.js';
import { BECAUSE, duration, plural } from './words.js';

type Of<T extends EventType> = EventOf<T> & Entry;

export function starting({ attempt, from, reason, lost_steps }: Of<'attempt_starting'>): string {
  const where = from === null ? 'from the beginning' : `from step ${from.step}`;
  const why = reason === 'start' ? '' : ` ${BECAUSE[reason]}`;
  return `attempt ${attempt} starts ${where}${why}${again(lost_steps)}`;
}

/** `, 7 steps to make again`, or nothing when none were lost. */
export function again(lostSteps: number): string {
  return lostSteps === 0 ? '' : `, ${plural(lostSteps, 'step')} to make again`;
}

export function adopted(entry: Of<'attempt_adopted'>): string {
  const alone = duration(entry.unwatched_seconds);
  return `attempt ${entry.attempt} found alive (pid ${entry.trainer.pid}) after ${alone} unwatched; watching on`;
}

/** The reason was put into words by the core, with the exit status where there was one. */
export function ended(entry: Of<'attempt_ended'>): [Level, string] {
  const { attempt, cause, reason } = entry;
  if (cause === 'done') return ['info', `attempt ${attempt} is done`];
  if (cause === 'stopped' || cause === 'preempted')
    return ['info', `attempt ${attempt} ended: ${reason}`];
  return ['error', `attempt ${attempt} failed (${cause}): ${reason}`];
}

export function progress(entry: Of<'progress'>): string {
  const total = entry.total === null ? '' : ` of ${entry.total}`;
  const loss = entry.loss === null ? '' : `, loss ${Number(entry.loss.toPrecision(4))}`;
  const pace = entry.step_seconds === null ? '' : `, ${duration(entry.step_seconds)} a step`;
  return `step ${entry.step}${total}${loss}${pace}`;
}

export function stoodStill(reason: Of<'clocks_rearmed'>['reason'], seconds: number): string {
  switch (reason) {
    case 'daemon_stalled':
      return `the daemon itself stood still for ${duration(seconds)}`;
    case 'machine_slept':
      return `the machine slept for ${duration(seconds)}`;
    case 'wall_clock_jumped':
      return `the wall clock jumped by ${seconds < 0 ? '-' : ''}${duration(Math.abs(seconds))}`;
  }
}

export function withRemedy({ reason, remedy }: { reason: string; remedy: string }): string {
  return remedy === '' ? reason : `${reason}. ${remedy}`;
}

/** The training itself is finished and stays so. */
export function taskFailed(entry: Of<'task_failed'>): [Level, string] {
  const { task, reason, remedy, retry_at } = entry;
  const next =
    retry_at === null
      ? `Given up after ${plural(entry.try, 'try', 'tries')}`
      : `Tried again in ${duration(Math.max(0, retry_at - entry.time))}`;
  const said = [reason, remedy, next].filter((part) => part !== '');
  const words = said.map((part) => part.replace(/\.$/, '')).join('. ');
  return [retry_at === null ? 'error' : 'warn', `${task} failed: ${words}`];
}

export function upTo(step: number | null): string {
  return step === null ? '' : `, up to step ${step}`;
}

export function atStep(step: number | null): string {
  return step === null ? '' : ` at step ${step}`;
}
