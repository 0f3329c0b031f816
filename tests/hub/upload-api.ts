import { randomBytes } from 'node:crypto';
import type { Account, UploadHub } from './upload.js';
import type { Wanted } from './upload-lfs.js';
import { lfsFile, newRepo, pathInfo, type Repo, regularFile } from './upload-repos.js';

export interface Call {
  readonly method: string;
  readonly path: string;
  readonly token: string | null;
  readonly body: Buffer;
}

export interface Answer {
  readonly status: number;
  /** Sent as it is, instead of JSON. */
  readonly content?: Buffer;
  readonly headers?: Record<string, string>;
  readonly json?: unknown;
}

const refuse = (status: number, error: string, code?: string): Answer => ({
  status,
  json: { error },
  headers: {
    'x-error-message': error,
    ...(code === undefined ? {} : { 'x-error-code': code }),
  },
});

const REPO = '([\\w.-]+/[\\w.-]+)';
type Handler = (hub: UploadHub, call: Call, ...parts: string[]) => Answer;
const routes: readonly (readonly [RegExp, Handler])[] = [
  [/^GET \/api\/whoami-v2$/, whoami],
  [/^POST \/api\/repos\/create$/, create],
  [new RegExp(`^GET /api/models/${REPO}$`), info],
  [new RegExp(`^POST /api/models/${REPO}/preupload/main$`), preupload],
  [new RegExp(`^POST /api/models/${REPO}/commit/main$`), commit],
  [new RegExp(`^POST /api/models/${REPO}/paths-info/main$`), pathsInfo],
  [new RegExp(`^GET /api/models/${REPO}/tree/main\\?`), tree],
  [new RegExp(`^GET /${REPO}/resolve/main/(\\S+)$`), resolve],
  [new RegExp(`^POST /${REPO}\\.git/info/lfs/objects/batch$`), batch],
  [/^PUT \/lfs\/(\w+)$/, (hub, { body }, key = '') => ({ status: hub.lfs.put(key, body) })],
  [/^PUT \/lfs\/(\w+)\/(\d+)$/, part],
  [/^POST \/lfs\/(\w+)$/, complete],
];

export function route(hub: UploadHub, call: Call): Answer {
  for (const [pattern, handle] of routes) {
    const found = pattern.exec(`${call.method} ${call.path}`);
    if (found !== null) return handle(hub, call, ...found.slice(1));
  }
  return refuse(404, `no ${call.method} ${call.path} here`);
}

const jsonOf = <T>({ body }: Call): T => JSON.parse(body.toString('utf8')) as T;

function accountOf(hub: UploadHub, { token }: Call): Account | null {
  return token === null ? null : (hub.accounts.get(token) ?? null);
}

function whoami(hub: UploadHub, call: Call): Answer {
  const account = accountOf(hub, call);
  if (account === null) return refuse(401, 'Invalid credentials in Authorization header');
  const { name, role, orgs = [], scoped } = account;
  return {
    status: 200,
    json: {
      type: 'user',
      id: `id-${name}`,
      name,
      fullname: name,
      orgs: orgs.map((org) => ({ type: 'org', id: `id-${org}`, name: org })),
      auth: {
        type: 'access_token',
        accessToken: {
          displayName: 'test',
          role,
          createdAt: '2026-01-01T00:00:00.000Z',
          ...(scoped === undefined ? {} : { fineGrained: { scoped, global: [] } }),
        },
      },
    },
  };
}

/** Why this caller may not write to the repository; null when it may. */
function mayNotWrite(hub: UploadHub, call: Call, repo: string): Answer | null {
  const account = accountOf(hub, call);
  if (account === null) return refuse(401, 'Invalid username or password.');
  const [namespace = ''] = repo.split('/');
  const belongs = [account.name, ...(account.orgs ?? [])].includes(namespace);
  const scoped = (account.scoped ?? []).some(
    ({ entity, permissions }) =>
      [namespace, repo].includes(entity.name) && permissions.includes('repo.write'),
  );
  const may = account.role === 'write' ? belongs : account.role === 'fineGrained' && scoped;
  return may ? null : refuse(403, `Forbidden: you don't have the rights to write to ${repo}`);
}

function create(hub: UploadHub, call: Call): Answer {
  const { name, organization, visibility } = jsonOf<{
    name: string;
    organization: string;
    visibility: string;
  }>(call);
  const repo = `${organization}/${name}`;
  const refused = mayNotWrite(hub, call, repo);
  if (refused !== null) return refused;
  const url = `${hub.url}/${repo}`;
  if (hub.repos.has(repo))
    return { status: 409, json: { error: 'You already created this model repo', url } };
  hub.repos.set(repo, newRepo(repo, visibility === 'private'));
  return { status: 200, json: { url, id: repo, name: repo } };
}

/** A private repository does not exist for those who may not see it. */
function repoFor(hub: UploadHub, call: Call, name: string): Repo | Answer {
  const repo = hub.repos.get(name);
  const missing = refuse(call.token === null ? 401 : 404, 'Repository not found', 'RepoNotFound');
  if (repo === undefined) return missing;
  const account = accountOf(hub, call);
  const mine = [account?.name, ...(account?.orgs ?? [])].includes(name.split('/')[0]);
  return repo.private && !mine ? missing : repo;
}

const isAnswer = (found: Repo | Answer): found is Answer => 'status' in found;

function info(hub: UploadHub, call: Call, name = ''): Answer {
  const repo = repoFor(hub, call, name);
  if (isAnswer(repo)) return repo;
  return { status: 200, json: { id: name, private: repo.private, sha: repo.commits.at(-1)?.oid } };
}

function preupload(hub: UploadHub, call: Call, name = ''): Answer {
  const refused = mayNotWrite(hub, call, name);
  if (refused !== null) return refused;
  const { files } = jsonOf<{ files: { path: string }[] }>(call);
  const mode = (path: string): string =>
    /\.(safetensors|png|jpe?g|webp)$/.test(path) ? 'lfs' : 'regular';
  return {
    status: 200,
    json: { files: files.map(({ path }) => ({ path, uploadMode: mode(path) })) },
  };
}

function batch(hub: UploadHub, call: Call, name = ''): Answer {
  const refused = mayNotWrite(hub, call, name);
  return (
    refused ?? { status: 200, json: hub.lfs.batch(jsonOf<{ objects: Wanted[] }>(call).objects) }
  );
}

function part(hub: UploadHub, { body }: Call, key = '', n = ''): Answer {
  const etag = hub.lfs.putPart(key, Number(n), body);
  return etag === null ? { status: 403 } : { status: 200, headers: { etag } };
}

function complete(hub: UploadHub, call: Call, key = ''): Answer {
  const { parts } = jsonOf<{ parts: { etag: string; partNumber: number }[] }>(call);
  return { status: hub.lfs.complete(key, parts), json: {} };
}

function commit(hub: UploadHub, call: Call, name = ''): Answer {
  const refused = mayNotWrite(hub, call, name);
  const repo = hub.repos.get(name);
  if (refused !== null || repo === undefined)
    return refused ?? refuse(404, 'Repository not found', 'RepoNotFound');
  const lines = call.body.toString('utf8').split('\n').filter(Boolean);
  const entries = lines.map((line) => JSON.parse(line) as { key: string; value: never });
  const changed = new Map<string, ReturnType<typeof lfsFile>>();
  let title = '';
  for (const { key, value } of entries) {
    const { summary, path, oid, content } = value as Record<string, string>;
    if (key === 'header') title = summary ?? '';
    if (key === 'file') changed.set(path ?? '', regularFile(Buffer.from(content ?? '', 'base64')));
    if (key !== 'lfsFile') continue;
    const object = hub.lfs.objects.get(oid ?? '');
    if (object === undefined) return refuse(400, `Your push was rejected: missing LFS ${oid}`);
    changed.set(path ?? '', lfsFile(hub.corrupt?.test(path ?? '') ? damaged(object) : object));
  }
  for (const [path, file] of changed) repo.files.set(path, file);
  const commitOid = randomBytes(20).toString('hex');
  repo.commits.push({ oid: commitOid, title, paths: [...changed.keys()] });
  const commitUrl = `${hub.url}/${name}/commit/${commitOid}`;
  return { status: 200, json: { success: true, commitOid, commitUrl, hookOutput: '' } };
}

function damaged(content: Buffer): Buffer {
  const copy = Buffer.from(content);
  copy.writeUInt8(copy.readUInt8(copy.length >> 1) ^ 1, copy.length >> 1);
  return copy;
}

function pathsInfo(hub: UploadHub, call: Call, name = ''): Answer {
  const repo = repoFor(hub, call, name);
  if (isAnswer(repo)) return repo;
  const { paths } = jsonOf<{ paths: string[] }>(call);
  const found = paths.flatMap((path) => {
    const file = repo.files.get(path);
    return file === undefined ? [] : [pathInfo(path, file)];
  });
  return { status: 200, json: found };
}

function tree(hub: UploadHub, call: Call, name = ''): Answer {
  const repo = repoFor(hub, call, name);
  if (isAnswer(repo)) return repo;
  return { status: 200, json: [...repo.files].map(([path, file]) => pathInfo(path, file)) };
}

/** Small files only: large ones are the download half's. */
function resolve(hub: UploadHub, call: Call, name = '', path = ''): Answer {
  const repo = repoFor(hub, call, name);
  if (isAnswer(repo)) return repo;
  const content = repo.files.get(path)?.content;
  return content === undefined
    ? refuse(404, 'Entry not found', 'EntryNotFound')
    : { status: 200, content };
}
