import { whoAmI } from '@huggingface/hub';
import type { HubToken } from '../../../config/index.js';
import { Cannot } from '../cannot.js';
import type { Hub } from './hub.js';

const NEW_TOKEN = 'Make one that may write at https://huggingface.co/settings/tokens';
export const GIVE =
  'give it by HF_TOKEN in the environment of the daemon or in a file HF_TOKEN in its home';

interface Scope {
  readonly entity?: { readonly name?: string };
  readonly permissions?: readonly string[];
}

/**
 * The name of the token's owner, when the token may write to `wanted` (the owner's own `job` where
 * null). Asked before anything is sent, so that a token that may only read is told as that, and not
 * as a refusal in the middle. Throws Cannot.
 */
export async function repoToWrite(
  hub: Hub,
  { token, from }: HubToken,
  wanted: string | null,
  job: string,
): Promise<string> {
  if (!token.reveal().startsWith('hf_')) {
    throw new Cannot(`what ${from} holds is no Hub token`, `${NEW_TOKEN} and ${GIVE}.`, true);
  }
  const who = await whoAmI({ ...hub, accessToken: token.reveal() });
  const repo = wanted ?? `${who.name}/${job}`;
  const access = who.auth.accessToken as
    | { role?: string; fineGrained?: { scoped?: readonly Scope[] } }
    | undefined;
  if (access?.role === 'read') {
    throw new Cannot(
      `the token from ${from} may only read, so it cannot publish ${repo}`,
      `${NEW_TOKEN}, and ${GIVE}.`,
      true,
    );
  }
  const [namespace = ''] = repo.split('/');
  const scopes = access?.role === 'fineGrained' ? access.fineGrained?.scoped : undefined;
  if (scopes !== undefined && !scopes.some((scope) => allows(scope, namespace, repo))) {
    throw new Cannot(
      `the token from ${from} is fine-grained and may not write to ${repo}`,
      `Give it write access to the repositories of ${namespace} in its settings, or another token.`,
      true,
    );
  }
  const own = [who.name, ...('orgs' in who ? who.orgs.map(({ name }) => name) : [])];
  if (!own.some((name) => name.toLowerCase() === namespace.toLowerCase())) {
    throw new Cannot(
      `the token from ${from} belongs to ${who.name}, who cannot publish under ${namespace}`,
      `Publish under ${own.join(' or ')}, or give a token of ${namespace}.`,
      true,
    );
  }
  return repo;
}

function allows({ entity, permissions }: Scope, namespace: string, repo: string): boolean {
  const named = entity?.name === namespace || entity?.name === repo;
  return named && (permissions?.includes('repo.write') ?? false);
}
