import { AdapterError } from './errors.js';
import type { JobInput } from './types.js';

type Key = 'command' | 'heartbeat' | 'log' | 'checkpoints' | 'resume' | 'done' | 'remedies';

/** A key that would be ignored is refused: the person who wrote it counts on it. */
export function refuseOwnKeys(job: JobInput, allowed: readonly Key[] = []): void {
  const { remedies } = job;
  const given: Record<Key, boolean> = {
    command: job.command !== null,
    heartbeat: job.heartbeat !== 'auto',
    log: Object.values(job.log).some((source) => source !== null),
    checkpoints: job.checkpoints !== null,
    resume: job.resume !== null,
    done: job.done.step !== null || job.done.artefact !== null,
    remedies: remedies.nan !== null || remedies.oom.length + remedies.host_oom.length > 0,
  };
  const extra = (Object.keys(given) as Key[]).find((key) => given[key] && !allowed.includes(key));
  if (extra === undefined) return;
  throw new AdapterError(
    extra,
    `this key to be left out, since trainer: ${job.trainer} fills it in by itself`,
    'Remove it, or use trainer: command.',
  );
}

/** A text among the options of a trainer; null without one. Types are checked with the job file. */
export function textOption(job: JobInput, name: string): string | null {
  const value = job.with[name];
  return value === undefined ? null : String(value);
}

/** A number among the options of a trainer; null without one. */
export function numberOption(job: JobInput, name: string): number | null {
  const value = job.with[name];
  return typeof value === 'number' ? value : null;
}
