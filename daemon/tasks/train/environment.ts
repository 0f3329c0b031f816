import type { HeartbeatSource } from '../../../trainer/adapters/index.js';
import { shimEnvironment } from '../../../trainer/python/index.js';

/** What a trainer must not inherit: tokens it has no use for, and settings that are the daemon's. */
const SECRET = /^(HF_TOKEN|HUGGING_FACE_HUB_TOKEN|HUGGINGFACE_TOKEN|RUNPOD_API_KEY)$|^NIGHTWARDEN_/;

/** The daemon's environment less its own settings and tokens, with the job's own on top. */
export function trainerEnvironment(
  inherited: NodeJS.ProcessEnv,
  own: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  const kept = Object.entries(inherited).filter(([name]) => !SECRET.test(name));
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
