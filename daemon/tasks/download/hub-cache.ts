import { readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { hubHome } from '../../../config/index.js';
import { pointTo, writeWhole } from './atomic.js';
import { codeOf } from './errors.js';
import type { RepoFile } from './facts.js';

/**
 * The cache that all of the Hub's own tools share (huggingface_hub, "Understand caching"):
 * `models--me--repo/blobs/<etag>` holds the bytes, `snapshots/<commit>/<path>` points to them, and
 * `refs/<revision>` says which commit a branch stood at.
 */
export class HubCache {
  readonly root: string;

  constructor(env: NodeJS.ProcessEnv) {
    this.root = env['HF_HUB_CACHE'] || env['HUGGINGFACE_HUB_CACHE'] || join(hubHome(env), 'hub');
  }

  blob(repo: string, { fingerprint }: RepoFile): string {
    return join(this.folder(repo), 'blobs', fingerprint.hex);
  }

  /** The bytes of a file, if the cache has it: its own path, and not that of a link. */
  async find(repo: string, commit: string, file: RepoFile): Promise<string | null> {
    const pointer = join(this.folder(repo), 'snapshots', commit, file.path);
    for (const path of [this.blob(repo, file), pointer]) {
      try {
        const found = await realpath(path);
        if ((await stat(found)).size === file.size) return found;
      } catch (error) {
        if (!['ENOENT', 'ENOTDIR', 'EACCES'].includes(codeOf(error))) throw error;
      }
    }
    return null;
  }

  /** Lets the Hub's tools find a blob offline, by commit and by the name of its revision. */
  async register(repo: string, revision: string, commit: string, file: RepoFile): Promise<string> {
    const pointer = join(this.folder(repo), 'snapshots', commit, file.path);
    const target = relative(dirname(pointer), this.blob(repo, file));
    await pointTo(pointer, target);
    if (revision !== commit) {
      const ref = join(this.folder(repo), 'refs', revision);
      // Without a line end, as the Hub's tools write it: they take the text as it stands.
      if ((await textOf(ref)) !== commit) await writeWhole(ref, commit);
    }
    return pointer;
  }

  private folder(repo: string): string {
    return join(this.root, `models--${repo.replaceAll('/', '--')}`);
  }
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
