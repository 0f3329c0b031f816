import { createRepo, pathsInfo } from '@huggingface/hub';
import { Cannot } from '../cannot.js';
import { isOurs } from './card.js';
import type { Local } from './files.js';
import type { Hub } from './hub.js';

export interface Remote extends Hub {
  readonly repo: string;
  readonly accessToken: string;
}

/**
 * Makes the repository, private unless asked otherwise. One that is there already is used, but a
 * public one never for what is to be private. Throws Cannot and what the client throws.
 */
export async function ensureRepo(remote: Remote, isPrivate: boolean): Promise<void> {
  try {
    await createRepo({ ...remote, visibility: isPrivate ? 'private' : 'public' });
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 409) throw error;
  }
  const answer = await get(remote, `api/models/${remote.repo}`);
  const { private: hidden } = (await answer.json()) as { private?: unknown };
  if (isPrivate && hidden !== true) {
    throw new Cannot(
      `${remote.repo} is public, and this is to be private`,
      'Make it private in its settings on the Hub, name another repository, or publish publicly: private: false.',
      true,
    );
  }
}

/** Those of `files` that are not in the repository as they are here. */
export async function missing(remote: Remote, files: readonly Local[]): Promise<Local[]> {
  const paths = files.map(({ path }) => path);
  const there = new Map((await pathsInfo({ ...remote, paths })).map((info) => [info.path, info]));
  return files.filter(({ path, sha256, gitOid, size }) => {
    const info = there.get(path);
    if (info === undefined || info.size !== size) return true;
    return info.lfs === undefined ? info.oid !== gitOid : info.lfs.oid !== sha256;
  });
}

/** Whether the card in the repository was written or edited by a person. */
export async function hasOwnCard(remote: Remote): Promise<boolean> {
  const [there] = await pathsInfo({ ...remote, paths: ['README.md'] });
  if (there === undefined) return false;
  return !isOurs(await (await get(remote, `${remote.repo}/resolve/main/README.md`)).text());
}

async function get(remote: Remote, path: string): Promise<Response> {
  const answer = await remote.fetch(`${remote.hubUrl}/${path}`, {
    headers: { Authorization: `Bearer ${remote.accessToken}` },
  });
  if (answer.ok) return answer;
  await answer.body?.cancel();
  throw Object.assign(new Error(`no ${path}`), { statusCode: answer.status });
}
