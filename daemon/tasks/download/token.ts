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
