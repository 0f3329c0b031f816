import type { Config } from '../../config/index.js';
import { tether } from '../../trainer/process/index.js';
import type { Log } from '../log/index.js';

/**
 * Whether this daemon is a scheduler's job: its end is then told by its exit code, and its trainers
 * end with it. Slurm says so in the environment. Kubernetes says only that it is there, and a rented
 * pod runs in it too, whose owner wants the daemon to stay: there the configuration has to say it.
 */
export function isScheduled(setting: Config['scheduler'], env: NodeJS.ProcessEnv): boolean {
  return setting === 'auto' ? Boolean(env['SLURM_JOB_ID']) : setting;
}

/** Words in front of every command of a scheduler's job, by which it dies with its daemon. */
export function tetherOf(log: Log): readonly string[] {
  const tied = tether();
  if (tied === null)
    log.warn(
      'setpriv (util-linux) is missing: should this daemon be killed, its trainer would outlive the job',
    );
  return tied ?? [];
}
