import { refuseFile, refuseRepo, visitorOf } from './access.js';
import { refuse } from './answers.js';
import type { Route } from './hub.js';
import { at } from './repos.js';

/**
 * `/{repo}/resolve/{revision}/{path}`: a redirect to a signed address on another origin for LFS
 * files, the bytes themselves for the rest. Xet is left out, as on a Hub that has it turned off.
 */
export const resolveRoute: Route = async (hub, request, response, url) => {
  const match = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(url.pathname);
  if (match === null || !['GET', 'HEAD'].includes(request.method ?? '')) return false;
  const [, id = '', revision = '', encoded = ''] = match;
  const path = decodeURIComponent(encoded);
  const visitor = visitorOf(request.headers.authorization, hub.tokens);
  const repo = hub.repos.get(id);
  const refused = refuseRepo(repo, visitor) ?? (repo && refuseFile(repo, visitor));
  if (refused || repo === undefined) {
    if (refused) refuse(response, refused);
    return true;
  }
  const commit = at(repo, decodeURIComponent(revision));
  const file = commit?.files.get(path);
  if (commit === undefined) {
    const message = `Invalid rev id: ${revision}`;
    refuse(response, { status: 404, code: 'RevisionNotFound', message });
    return true;
  }
  if (file === undefined) {
    refuse(response, { status: 404, code: 'EntryNotFound', message: 'Entry not found' });
    return true;
  }
  const told = { 'x-repo-commit': commit.oid, 'accept-ranges': 'bytes', etag: `"${file.etag}"` };
  if (!file.lfs) {
    await hub.cdn.serve(file, request, response, told);
    return true;
  }
  hub.resolved += 1;
  response.writeHead(302, {
    ...told,
    location: hub.cdn.sign(file),
    'x-linked-etag': `"${hub.linkedEtag?.(file) ?? file.etag}"`,
    'x-linked-size': String(file.content.size),
  });
  response.end();
  return true;
};
