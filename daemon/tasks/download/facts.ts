import { listFiles, modelInfo, pathsInfo } from '@huggingface/hub';
import type { Model } from '../../../config/index.js';
import { ask, HubRefused } from './ask.js';
import { DownloadError } from './errors.js';
import type { Fingerprint } from './hasher.js';
import { matchesAny } from './patterns.js';
import type { Session } from './session.js';
import { bodyOf } from './transport.js';

/** What the Hub says about a model's files, at one commit. */
export interface Facts {
  readonly commit: string;
  readonly files: readonly RepoFile[];
}

export interface RepoFile {
  readonly path: string;
  readonly size: number;
  readonly fingerprint: Fingerprint;
}

/**
 * Commit, sizes and hashes of a model's files, from the Hub's own client over our transport. From
 * here on everything is asked at that commit: a push in mid-download changes nothing.
 */
export async function askFacts(session: Session, model: Model, patience: number): Promise<Facts> {
  try {
    return await factsOf(session, model, patience);
  } catch (error) {
    session.signal.throwIfAborted();
    if (error instanceof HubRefused || error instanceof DownloadError) throw error;
    // The client library's own: a status it has no name for, or a page where JSON was expected.
    throw unexpected(session, (error as Error).message);
  }
}

async function factsOf(session: Session, model: Model, patience: number): Promise<Facts> {
  const { repo, revision, what } = model;
  const common = { hubUrl: session.endpoint, fetch: fetchOver(session, repo, patience) };
  const info = await modelInfo({
    ...common,
    name: repo,
    revision,
    additionalFields: ['sha', 'filePaths'],
  });
  const commit = String(info.sha);
  if (!/^[0-9a-f]{40}$/.test(commit)) throw unexpected(session, `no commit for ${repo}`);
  if (what.is === 'snapshot') {
    const files: RepoFile[] = [];
    for await (const entry of listFiles({ ...common, repo, revision: commit, recursive: true })) {
      if (entry.type !== 'file' || !isWanted(entry.path, what)) continue;
      files.push(repoFile(session, entry));
    }
    if (files.length === 0) throw nothing(model, what.include);
    return { commit, files };
  }
  const paths = what.files.map(({ path }) => path);
  const found = await pathsInfo({ ...common, repo, revision: commit, paths });
  const files = found.filter(({ type }) => type === 'file').map((one) => repoFile(session, one));
  const missing = paths.find((path) => !files.some((file) => file.path === path));
  if (missing !== undefined) throw noSuchFile(model, missing, info.filePaths as string[]);
  return { commit, files };
}

function isWanted(path: string, what: Extract<Model['what'], { is: 'snapshot' }>): boolean {
  const { include, exclude } = what;
  // The path becomes one on this disk; the Hub's word for it is not enough.
  const inside = path.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  return inside && (include === null || matchesAny(path, include)) && !matchesAny(path, exclude);
}

interface Entry {
  readonly path: string;
  readonly size: number;
  readonly oid?: string | undefined;
  readonly lfs?: { readonly oid: string; readonly size: number } | undefined;
}

function repoFile(session: Session, { path, size, oid, lfs }: Entry): RepoFile {
  const hex = lfs?.oid ?? oid ?? '';
  const kind = lfs === undefined ? 'git' : 'sha256';
  const bytes = lfs?.size ?? size;
  if (!/^[0-9a-f]+$/.test(hex) || hex.length !== (lfs ? 64 : 40) || !Number.isSafeInteger(bytes))
    throw unexpected(session, `neither hash nor size of ${path}`);
  return { path, size: bytes, fingerprint: { kind, hex } };
}

function unexpected(session: Session, what: string): DownloadError {
  return new DownloadError(
    'server',
    `${session.endpoint} did not answer as the Hub does: ${what}.`,
    'Look at HF_ENDPOINT, if it is set, and try again later.',
  );
}

function nothing({ name, repo }: Model, include: readonly string[] | null): DownloadError {
  return new DownloadError(
    'not_found',
    `${name} (${repo}) has no file like ${include?.join(', ') ?? 'those wanted'}.`,
    'Correct include: and exclude: in models.yaml.',
  );
}

function noSuchFile(model: Model, path: string, there: readonly string[]): DownloadError {
  const ending = path.slice(path.lastIndexOf('.'));
  const alike = there.filter((one) => one.endsWith(ending)).slice(0, 5);
  const hint = alike.length === 0 ? '' : ` There is: ${alike.join(', ')}.`;
  return new DownloadError(
    'not_found',
    `${model.name} (${model.repo}) has no file ${path} at ${model.revision}.${hint}`,
    'Correct file: in models.yaml.',
  );
}

/** fetch as the client library wants it, with what it lacks: patience, proxies, the rate limit's
 * window, and a token only where it is needed. */
function fetchOver(session: Session, repo: string, patience: number): typeof fetch {
  return async (input, init) => {
    let url = new URL(String(input));
    const headers = Object.fromEntries(new Headers(init?.headers));
    const body = typeof init?.body === 'string' ? { body: init.body } : {};
    const outgoing = { method: init?.method ?? 'GET', headers, ...body };
    for (let hops = 0; hops < 5; hops++) {
      const answer = await ask(session, repo, url, outgoing, patience);
      const status = answer.statusCode ?? 0;
      const content = await bodyOf(answer);
      const { location } = answer.headers;
      if (status >= 300 && status < 400 && location !== undefined) {
        url = new URL(location, url); // a repo that was renamed
        continue;
      }
      const told = Object.entries(answer.headers).map(([k, v]) => [k, String(v)]) as [
        string,
        string,
      ][];
      return new Response(new Uint8Array(content), { status, headers: told });
    }
    throw unexpected(session, `more than five redirects for ${repo}`);
  };
}
