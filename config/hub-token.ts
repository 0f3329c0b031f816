import { chmodSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { keepSecret } from './redact.js';
import { Secret } from './secret.js';

/** Variables that hold a Hub token, lead to one, or open the pod's own account. No program that the
 * daemon starts inherits them. */
export const TOKEN_VARIABLES: readonly string[] = [
  'HF_TOKEN',
  'HUGGING_FACE_HUB_TOKEN',
  'HUGGINGFACE_TOKEN',
  'HF_TOKEN_PATH',
  'RUNPOD_API_KEY',
];

export interface HubToken {
  readonly token: Secret;
  /** The variable or file it came from, for messages. */
  readonly from: string;
}

export interface HubTokens {
  /** In the order in which they count; the first is the one to use. */
  readonly tokens: readonly HubToken[];
  readonly warnings: readonly string[];
}

/**
 * The one door for Hub tokens: HF_TOKEN, HUGGING_FACE_HUB_TOKEN, the file that HF_TOKEN_PATH names,
 * the file HF_TOKEN in the home, the login that the Hub's own CLI stored. None is needed for anything
 * but publishing and gated or private models. Each is kept out of whatever this process writes from
 * the moment it is read. The home's file is made its owner's alone; of others it is warned.
 */
export function hubTokens(env: NodeJS.ProcessEnv, home: string): HubTokens {
  const tokens: HubToken[] = [];
  const warnings: string[] = [];
  for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN']) {
    const value = env[name]?.trim();
    if (value) tokens.push({ token: new Secret(value), from: `the variable ${name}` });
  }
  const own = join(home, 'HF_TOKEN');
  for (const file of [env['HF_TOKEN_PATH'], own, join(hubHome(env), 'token')]) {
    if (!file) continue;
    try {
      const value = readFileSync(file, 'utf8').trim();
      if (value) tokens.push({ token: new Secret(value), from: file });
      warnings.push(...guard(file, file === own));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR')
        warnings.push(`the token file ${file} cannot be read: ${message}`);
    }
  }
  return { tokens, warnings };
}

/** Where the Hub's own tools keep what is theirs, the token of `hf auth login` among it
 * (huggingface_hub, constants.py). */
export function hubHome(env: NodeJS.ProcessEnv): string {
  const caches = env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache');
  return env['HF_HOME'] || join(caches, 'huggingface');
}

function guard(file: string, ours: boolean): string[] {
  const mode = statSync(file).mode & 0o777;
  if ((mode & 0o077) === 0) return [];
  const open = `the token file ${file} could be read by others (mode ${mode.toString(8)})`;
  if (!ours) return [`${open}. Close it: chmod 600 ${file}`];
  try {
    chmodSync(file, 0o600);
  } catch (error) {
    return [`${open}, and that cannot be changed (${(error as Error).message}).`];
  }
  return [`${open}; it is its owner's alone now. Make a new token if others use this machine.`];
}

/** The same environment without tokens, for a program that has no use for them. */
export function withoutTokens(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !TOKEN_VARIABLES.includes(name));
  return Object.fromEntries(kept);
}

/** Takes every token and every secret setting of ours out of an environment that is inherited. */
export function dropSecrets(env: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(env)) {
    const ours = /^NIGHTWARDEN_.*(TOKEN|SECRET|PASSWORD|KEY)$/i.test(name);
    if (ours || TOKEN_VARIABLES.includes(name)) delete env[name];
  }
}

/** Long enough not to be a word that a log line may well hold. */
const SHORTEST = 12;

/** Keeps what an environment holds under the name of a secret out of whatever is written. */
export function keepEnvironmentSecrets(env: NodeJS.ProcessEnv): void {
  for (const [name, value] of Object.entries(env)) {
    if (!/(TOKEN|SECRET|PASSWORD|API_KEY)$/.test(name)) continue;
    if (value !== undefined && value.length >= SHORTEST) keepSecret(value);
  }
}
