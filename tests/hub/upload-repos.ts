import { createHash, randomBytes } from 'node:crypto';

export interface RepoFile {
  /** Git's own name of the content: of the file, or of its LFS pointer. */
  readonly oid: string;
  readonly size: number;
  readonly lfs: {
    readonly oid: string;
    readonly size: number;
    readonly pointerSize: number;
  } | null;
  readonly content: Buffer;
}

export interface Commit {
  readonly oid: string;
  readonly title: string;
  readonly paths: readonly string[];
}

export interface Repo {
  readonly name: string;
  readonly private: boolean;
  readonly files: Map<string, RepoFile>;
  readonly commits: Commit[];
}

export function newRepo(name: string, isPrivate: boolean): Repo {
  const first = { oid: randomBytes(20).toString('hex'), title: 'initial commit', paths: [] };
  return { name, private: isPrivate, files: new Map(), commits: [first] };
}

/** git hash-object. */
export function gitBlob(content: Buffer): string {
  return createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex');
}

export const sha256 = (content: Buffer): string =>
  createHash('sha256').update(content).digest('hex');

export function regularFile(content: Buffer): RepoFile {
  return { oid: gitBlob(content), size: content.length, lfs: null, content };
}

export function lfsFile(content: Buffer): RepoFile {
  const oid = sha256(content);
  const pointer = Buffer.from(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${oid}\nsize ${content.length}\n`,
  );
  const lfs = { oid, size: content.length, pointerSize: pointer.length };
  return { oid: gitBlob(pointer), size: content.length, lfs, content };
}

export function pathInfo(path: string, { oid, size, lfs }: RepoFile): object {
  return { type: 'file', path, oid, size, ...(lfs === null ? {} : { lfs }) };
}
