import { homedir } from 'node:os';
import { join } from 'node:path';
import { hubTokens, type Secret } from '../../../config/index.js';

export interface Token {
  readonly secret: Secret;
  /** Where it was found, for messages: a variable, or the path of a file. */
  readonly from: string;
}

/** The owner's Hugging Face token, by the one door for tokens; null where there is none. */
export function readToken(env: NodeJS.ProcessEnv, home: string): Token | null {
  const [first] = hubTokens(env, home).tokens;
  return first === undefined ? null : { secret: first.token, from: first.from };
}

/** Where the Hub's own tools keep what is theirs. */
export function hubHome(env: NodeJS.ProcessEnv): string {
  const caches = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return env['HF_HOME'] || join(caches, 'huggingface');
}
