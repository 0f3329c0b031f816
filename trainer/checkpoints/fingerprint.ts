import { createHash } from 'node:crypto';
import { lstat, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { absentIsNull } from './absent.js';
import type { FileStat, Fingerprint } from './types.js';

/** Deeper or larger than any trainer's checkpoint: a glob that matched a home folder, or a link loop. */
const MAX_DEPTH = 8;
const MAX_FILES = 10_000;

/**
 * Names, sizes, modification times and inodes of every file of a checkpoint; `stat` only, no
 * file is opened. Links are followed. A file that goes while the folder is walked is left out,
 * so the next fingerprint differs.
 *
 * @param path absolute path of a file or a folder
 * @throws ENOENT when the checkpoint itself is gone; an Error naming the folder when it is
 *   implausibly deep or large
 */
export async function fingerprint(path: string): Promise<Fingerprint> {
  const root = await absentIsNull(stat(path, { bigint: true }));
  const files: FileStat[] = [];
  if (root === null) files.push(deadLink(basename(path), await lstat(path, { bigint: true })));
  else if (root.isDirectory()) await walk(path, '', 0, files);
  else files.push(fileStat(basename(path), root));
  files.sort((a, b) => (a.name < b.name ? -1 : 1));
  const hash = createHash('sha256');
  for (const f of files) hash.update(`${f.name}\0${f.size}\0${f.mtime_ns}\0${f.inode}\n`);
  return {
    digest: hash.digest('hex'),
    bytes: files.reduce((sum, f) => sum + Math.max(f.size, 0), 0),
    files,
  };
}

/** The fingerprint, or null when the checkpoint is gone. */
export function fingerprintIfThere(path: string): Promise<Fingerprint | null> {
  return absentIsNull(fingerprint(path));
}

async function walk(dir: string, prefix: string, depth: number, files: FileStat[]): Promise<void> {
  if (depth > MAX_DEPTH) throw tooLarge(dir, `is more than ${MAX_DEPTH} levels deep`);
  const names = await readdir(dir);
  if (names.length + files.length > MAX_FILES) {
    throw tooLarge(dir, `holds more than ${MAX_FILES} files`);
  }
  await Promise.all(
    names.map(async (name) => {
      const path = join(dir, name);
      const at = await absentIsNull(stat(path, { bigint: true }));
      if (at === null) {
        const link = await absentIsNull(lstat(path, { bigint: true }));
        if (link !== null) files.push(deadLink(prefix + name, link));
      } else if (at.isDirectory()) {
        await absentIsNull(walk(path, `${prefix}${name}/`, depth + 1, files));
      } else files.push(fileStat(prefix + name, at));
    }),
  );
}

interface RawStat {
  size: bigint;
  mtimeNs: bigint;
  ino: bigint;
}

function fileStat(name: string, s: RawStat): FileStat {
  return { name, size: Number(s.size), mtime_ns: String(s.mtimeNs), inode: String(s.ino) };
}

function deadLink(name: string, s: RawStat): FileStat {
  return { ...fileStat(name, s), size: -1 };
}

function tooLarge(dir: string, what: string): Error {
  return new Error(
    `${dir} ${what}, which no checkpoint is: make checkpoints.glob match the checkpoints themselves`,
  );
}
