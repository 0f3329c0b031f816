import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { Secret } from '../../../config/index.js';

export interface Token {
  readonly secret: Secret;
  /** Where it was found, for messages: `HF_TOKEN`, or the path of a file. */
  readonly from: string;
}

/**
 * The owner's Hugging Face token; null where there is none. The one place where downloads get it.
 * In order: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file HF_TOKEN_PATH, a file HF_TOKEN in the home,
 * the login that the Hub's own tools keep. A file that cannot be read counts as absent: a token is
 * an extra, and the refusal that follows names these places.
 */
export function readToken(env: NodeJS.ProcessEnv, home: string): Token | null {
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = env[name]?.trim();
    if (value) return { secret: new Secret(value), from: name };
  }
  const login = join(hubHome(env), 'token');
  for (const path of [env['HF_TOKEN_PATH'], join(home, 'HF_TOKEN'), login]) {
    const value = path ? textOf(path) : null;
    if (path && value) return { secret: new Secret(value), from: path };
  }
  return null;
}

/** Where the Hub's own tools keep what is theirs. */
export function hubHome(env: NodeJS.ProcessEnv): string {
  const caches = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return env['HF_HOME'] || join(caches, 'huggingface');
}

function textOf(path: string): string | null {
  try {
    return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
  } catch {
    return null; // A folder of that name, or another user's file.
  }
}
