import type { Config } from '../../config/index.js';

/**
 * Whether this daemon is a scheduler's job: its end is then told by its exit code, and its trainers
 * end with it. Slurm says so in the environment. Kubernetes says only that it is there, and a rented
 * pod runs in it too, whose owner wants the daemon to stay: there the configuration has to say it.
 */
export function isScheduled(setting: Config['scheduler'], env: NodeJS.ProcessEnv): boolean {
  return setting === 'auto' ? Boolean(env['SLURM_JOB_ID']) : setting;
}
