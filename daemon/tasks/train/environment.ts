import { TOKEN_VARIABLES } from '../../../config/index.js';
import type { HeartbeatSource } from '../../../trainer/adapters/index.js';
import { shimEnvironment } from '../../../trainer/python/index.js';
import type { CheckpointRef } from '../../core/index.js';
import type { Surroundings } from './context.js';

/** What a trainer must not inherit: tokens it has no use for, and settings that are the daemon's. */
const isKept = (name: string): boolean =>
  !TOKEN_VARIABLES.includes(name) && !name.startsWith('NIGHTWARDEN_');

/** The daemon's environment less its own settings and tokens, with the job's own on top. */
export function trainerEnvironment(
  inherited: NodeJS.ProcessEnv,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => isKept(name));
  return { ...Object.fromEntries(kept), ...own };
}

/** The same with the Python shim, unless the job has its heartbeats otherwise. `start_step`: what the
 * attempt resumes from. */
export function withShim(
  env: NodeJS.ProcessEnv,
  heartbeat: HeartbeatSource,
  start_step: number,
): NodeJS.ProcessEnv {
  const wanted = heartbeat === 'shim' || heartbeat === 'auto';
  return wanted ? { ...env, ...shimEnvironment(env, start_step) } : env;
}

/** The environment of an attempt: with the secrets that its job asks for by name, and no others. */
export function environmentOf(
  at: Surroundings,
  knobs: Readonly<Record<string, string>>,
  from: CheckpointRef | null,
): NodeJS.ProcessEnv {
  const secrets: Record<string, string> = {};
  for (const name of at.plan.secrets ?? []) {
    const secret = at.secret(name);
    // No training needs a token, so the want of one stops none.
    if (secret === null) at.log.warn(`${at.name}: secrets: there is no ${name} to be given`);
    else secrets[name] = secret;
  }
  const env = trainerEnvironment(at.environment, { ...at.plan.env, ...knobs, ...secrets });
  return withShim(env, at.plan.heartbeat, from?.step ?? 0);
}
