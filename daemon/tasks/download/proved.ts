import { createHash } from 'node:crypto';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { writeWhole } from './atomic.js';
import { codeOf } from './errors.js';
import type { Fingerprint } from './hasher.js';

/** What was found out about a file once, and by what it is known to be the same still. */
export interface Proof {
  readonly path: string;
  readonly size: number;
  readonly mtime_ns: string;
  readonly inode: string;
  readonly kind: Fingerprint['kind'];
  readonly hex: string;
  /** What it was fetched as. */
  readonly repo: string;
  readonly file: string;
  readonly revision: string;
  readonly commit: string;
}

export type About = Pick<Proof, 'repo' | 'file' | 'revision' | 'commit'>;

/** Files that were hashed once and are not read again while size, time and inode stay. One small
 * file each under `state/proved`, so that two processes never write the same one. */
export class Proofs {
  constructor(private readonly folder: string) {}

  /** The proof of a file as it lies there now; null when it was never proved, or touched since. */
  async of(path: string): Promise<Proof | null> {
    let proof: Proof;
    try {
      proof = JSON.parse(await readFile(this.fileOf(path), 'utf8')) as Proof;
    } catch (error) {
      // A proof that cannot be read is none: then the file is read instead.
      if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
      throw error;
    }
    const now = await facts(path);
    const same =
      now !== null &&
      proof?.path === path &&
      proof.size === now.size &&
      proof.mtime_ns === now.mtime_ns &&
      proof.inode === now.inode;
    return same ? proof : null;
  }

  /** Remembers what a file that lies there is. */
  async add(path: string, fingerprint: Fingerprint, about: About): Promise<void> {
    const found = await facts(path);
    if (found === null) return;
    await mkdir(this.folder, { recursive: true });
    const proof: Proof = { path, ...found, ...fingerprint, ...about };
    await writeWhole(this.fileOf(path), `${JSON.stringify(proof)}\n`);
  }

  private fileOf(path: string): string {
    const name = createHash('sha256').update(path).digest('hex').slice(0, 32);
    return join(this.folder, `${name}.json`);
  }
}

async function facts(path: string) {
  try {
    const { size, mtimeNs, ino } = await stat(path, { bigint: true });
    return { size: Number(size), mtime_ns: String(mtimeNs), inode: String(ino) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
