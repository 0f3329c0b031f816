import { hubTokens } from '../../config/index.js';

const HUB: readonly string[] = ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HUGGINGFACE_TOKEN'];

/** A secret by the name of its variable, for the one job that asked for it: the daemon's own
 * variable, and a Hub token from wherever it is kept. */
export function secretOf(name: string, env: NodeJS.ProcessEnv, home: string): string | null {
  const own = env[name];
  if (own) return own;
  return HUB.includes(name) ? (hubTokens(env, home).tokens[0]?.token.reveal() ?? null) : null;
}
