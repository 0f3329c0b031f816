import { createHash } from 'node:crypto';
import { type Content, gitOid, sha256 } from './content.js';

/** One file at one commit. */
export interface HubFile {
  readonly path: string;
  readonly content: Content;
  /** Stored behind a pointer, as large and binary files are; its sha256 is then known to the API. */
  readonly lfs: boolean;
  /** sha256 of an LFS file, else git's own name of its bytes. What the Hub gives as its ETag. */
  readonly etag: string;
}

export interface Commit {
  readonly oid: string;
  readonly title: string;
  readonly files: ReadonlyMap<string, HubFile>;
}

export interface Repo {
  readonly id: string;
  readonly private: boolean;
  /** Who asks for such a repo's files has to have accepted its licence. */
  readonly gated: false | 'auto' | 'manual';
  /** Names of users who may read it although it is private or gated. */
  readonly readers: Set<string>;
  readonly branches: Map<string, string>;
  readonly commits: Map<string, Commit>;
}

export interface RepoOptions {
  readonly private?: boolean;
  readonly gated?: false | 'auto' | 'manual';
  readonly readers?: readonly string[];
}

export function makeRepo(id: string, options: RepoOptions = {}): Repo {
  return {
    id,
    private: options.private ?? false,
    gated: options.gated ?? false,
    readers: new Set(options.readers),
    branches: new Map(),
    commits: new Map(),
  };
}

/**
 * Adds a commit that puts the given files on top of the branch's present ones; null removes one.
 * Earlier commits stay readable, as in git.
 */
export function commit(
  repo: Repo,
  changes: Readonly<Record<string, Content | null>>,
  { branch = 'main', title = 'update' } = {},
): Commit {
  const parent = repo.branches.get(branch);
  const files = new Map(parent === undefined ? [] : repo.commits.get(parent)?.files);
  for (const [path, content] of Object.entries(changes)) {
    if (content === null) files.delete(path);
    else files.set(path, hubFile(path, content));
  }
  const seed = [repo.id, parent ?? '', title, ...[...files.values()].map((f) => f.path + f.etag)];
  const oid = createHash('sha1').update(seed.join('\n')).digest('hex');
  const made: Commit = { oid, title, files };
  repo.commits.set(oid, made);
  repo.branches.set(branch, oid);
  return made;
}

/** A branch's or a commit's files; undefined for a revision that does not exist. */
export function at(repo: Repo, revision: string): Commit | undefined {
  return repo.commits.get(repo.branches.get(revision) ?? revision);
}

const TEXT = /\.(json|txt|md|yaml)$|^\.gitattributes$/;

function hubFile(path: string, content: Content): HubFile {
  const lfs = !TEXT.test(path);
  return { path, content, lfs, etag: lfs ? sha256(content) : gitOid(content) };
}
