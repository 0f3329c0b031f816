import type { IncomingMessage, ServerResponse } from 'node:http';
import { refuseRepo, visitorOf } from './access.js';
import { bodyOf, json, refuse } from './answers.js';
import type { HubState, Route } from './hub.js';
import { at, type Commit, type HubFile, type Repo } from './repos.js';

const PAGE = 100;

/** What there is to know about models: `/api/models/…` and `/api/whoami-v2`. */
export const apiRoute: Route = async (hub, request, response, url) => {
  if (url.pathname === '/api/whoami-v2') return whoami(hub, request, response);
  const match =
    /^\/api\/models\/([^/]+\/[^/]+)(?:\/(revision|tree|paths-info)\/([^/]+)(?:\/(.*))?)?$/.exec(
      url.pathname,
    );
  if (match === null) return false;
  const [, id = '', what = 'revision', revision = 'main', folder = ''] = match;
  if (request.method !== (what === 'paths-info' ? 'POST' : 'GET')) return false;
  const repo = hub.repos.get(id);
  const refused = refuseRepo(repo, visitorOf(request.headers.authorization, hub.tokens));
  if (refused !== null || repo === undefined) {
    if (refused !== null) refuse(response, refused);
    return true;
  }
  const commit = at(repo, revisionOf(revision));
  if (commit === undefined) {
    const message = `Invalid rev id: ${revision}`;
    refuse(response, { status: 404, code: 'RevisionNotFound', message });
  } else if (what === 'revision') json(response, info(repo, commit));
  else if (what === 'tree') tree(hub, response, url, commit, decodeURIComponent(folder));
  else await pathsInfo(request, response, commit);
  return true;
};

/** The client asks for the default branch as HEAD. */
const revisionOf = (text: string): string => {
  const revision = decodeURIComponent(text);
  return revision === 'HEAD' ? 'main' : revision;
};

function whoami(hub: HubState, request: IncomingMessage, response: ServerResponse): true {
  const visitor = visitorOf(request.headers.authorization, hub.tokens);
  if (visitor.is === 'user') {
    const auth = { type: 'access_token', accessToken: { displayName: 't', role: visitor.role } };
    json(response, { type: 'user', id: visitor.name, name: visitor.name, orgs: [], auth });
  } else refuse(response, { status: 401, message: 'Invalid username or password.' });
  return true;
}

function info(repo: Repo, commit: Commit) {
  return {
    _id: repo.id,
    id: repo.id,
    modelId: repo.id,
    sha: commit.oid,
    private: repo.private,
    gated: repo.gated,
    disabled: false,
    downloads: 0,
    likes: 0,
    lastModified: '2026-01-01T00:00:00.000Z',
    createdAt: '2026-01-01T00:00:00.000Z',
    tags: [],
    siblings: [...commit.files.keys()].map((rfilename) => ({ rfilename })),
  };
}

function tree(hub: HubState, response: ServerResponse, url: URL, commit: Commit, folder: string) {
  const recursive = url.searchParams.get('recursive') === 'true';
  const under = folder === '' ? '' : `${folder}/`;
  const inside = [...commit.files.values()].filter(({ path }) => path.startsWith(under));
  const shown = new Map<string, unknown>();
  for (const file of inside) {
    const rest = file.path.slice(under.length);
    const slash = rest.indexOf('/');
    if (slash < 0 || recursive) shown.set(file.path, entry(file));
    else {
      const path = under + rest.slice(0, slash);
      shown.set(path, { type: 'directory', path, size: 0, oid: '0'.repeat(40) });
    }
  }
  const entries = [...shown.values()];
  const from = Number(url.searchParams.get('cursor') ?? '0');
  const size = hub.pageSize ?? PAGE;
  const next = new URL(url);
  next.searchParams.set('cursor', String(from + size));
  const more = from + size < entries.length;
  json(response, entries.slice(from, from + size), more ? { link: `<${next}>; rel="next"` } : {});
}

async function pathsInfo(request: IncomingMessage, response: ServerResponse, commit: Commit) {
  const body = (await bodyOf(request)).toString();
  // The JS client sends JSON, the Python one a form.
  const asked = (request.headers['content-type'] ?? '').includes('json')
    ? (JSON.parse(body) as { paths: string[] }).paths
    : new URLSearchParams(body).getAll('paths');
  json(
    response,
    asked.flatMap((path) => {
      const file = commit.files.get(path);
      return file === undefined ? [] : [entry(file)];
    }),
  );
}

function entry({ path, content, lfs, etag }: HubFile) {
  const pointer = { oid: etag, size: content.size, pointerSize: 134 };
  return {
    type: 'file',
    path,
    size: content.size,
    oid: lfs ? '1'.repeat(40) : etag,
    ...(lfs ? { lfs: pointer } : {}),
  };
}
