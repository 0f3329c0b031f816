import type { Model } from '../../../config/index.js';
import type { HubRefused, Refused } from './ask.js';
import { DownloadError } from './errors.js';
import { HUB } from './session.js';

/**
 * The Hub's refusal as a person needs it: which model, what the Hub said, and what to do.
 * @param mirrors names of models of models.yaml that hold the same in public.
 */
export function explainRefusal(
  { refused, stranger }: HubRefused,
  model: Pick<Model, 'name' | 'repo' | 'revision'>,
  mirrors: readonly string[],
  home: string,
  path: string | null = null,
): DownloadError {
  const { name, repo, revision } = model;
  const page = `${HUB}/${repo}`;
  const give = `give a token: HF_TOKEN in the environment, or a file ${home}/HF_TOKEN that only you can read (chmod 600)`;
  const mirror =
    mirrors.length === 0 ? '' : ` Or use ${mirrors.join(' or ')}, which needs no token.`;
  const who = `${name} (${repo})`;
  // A token that the Hub does not know says nothing about the model: the stranger's answer does.
  const unknown = /invalid credentials|invalid.*token/i.test(refused.message);
  const bad = refused.token !== null && refused.status === 401 && unknown;
  const told = bad ? stranger : refused;
  const badToken = bad
    ? ` The token from ${refused.token} was tried: the Hub does not know it (${refused.message}).`
    : '';
  const said = (what: Refused) =>
    ` The Hub said: ${what.status} ${what.code} ${what.message}`.trimEnd();

  if (told.code === 'GatedRepo') {
    const accept = `accept the licence at ${page}`;
    if (refused.token !== null && !bad) {
      return new DownloadError(
        'gated',
        `${who} is gated, and the account of the token from ${refused.token} has no access to it.${said(told)}`,
        `With that account, ${accept} and wait until access is granted.${mirror}`,
      );
    }
    return new DownloadError(
      bad ? 'bad_token' : 'gated',
      `${who} is gated: it is for those who accepted its licence.${said(told)}${badToken}`,
      `Log in and ${accept}, then ${give}.${mirror}`,
    );
  }
  if (told.code === 'RevisionNotFound') {
    return new DownloadError(
      'not_found',
      `${who} has no revision ${revision}.${said(told)}`,
      `Look at ${page}/tree/main for its branches and tags, and correct revision: in models.yaml.`,
    );
  }
  if (told.code === 'EntryNotFound') {
    return new DownloadError(
      'not_found',
      `${who} has no file ${path ?? ''} at ${revision}.${said(told)}`,
      `Look at ${page}/tree/${revision} for its files, and correct file: in models.yaml.`,
    );
  }
  if (refused.token !== null && !bad) {
    return new DownloadError(
      'not_found',
      `${who} does not exist, or the account of the token from ${refused.token} may not see it.${said(told)}`,
      `Look for a slip in repo: in models.yaml; if the repo is private, use a token of an account that may read it.${mirror}`,
    );
  }
  return new DownloadError(
    bad ? 'bad_token' : told.status === 404 ? 'not_found' : 'unauthorized',
    `${who} does not exist, or it is private.${said(told)}${badToken}`,
    `Look for a slip in repo: in models.yaml; if the repo is yours and private, ${give}.${mirror}`,
  );
}
