import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { glob } from 'tinyglobby';
import { DiskBlob } from './disk-blob.js';

/** A file that goes up, and how the Hub will name its content: by sha256 where it is kept as a large
 * file, else by git's own name. */
export interface Local {
  readonly path: string;
  readonly content: Blob;
  readonly size: number;
  readonly sha256: string;
  readonly gitOid: string;
}

/** Enough to show what the LoRA does. */
const MOST_SAMPLES = 8;
const IMAGES = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/**
 * The sample images to show: those that match the pattern, else those in `sample` or `samples` beside
 * the LoRA (kohya, FluxGym, the embedded trainer). The newest, in the order of their names.
 */
export async function samplesOf(
  results: string,
  cwd: string,
  pattern: string | null,
): Promise<string[]> {
  const found =
    pattern === null ? await besides(results) : await glob(pattern, { cwd, absolute: true });
  const images = found.filter((path) => IMAGES.has(extname(path).toLowerCase()));
  const dated = await Promise.all(images.map(async (path) => ({ path, at: await stat(path) })));
  const newest = dated
    .filter(({ at }) => at.isFile() && at.size > 0)
    .sort((a, b) => b.at.mtimeMs - a.at.mtimeMs || (a.path < b.path ? 1 : -1))
    .map(({ path }) => path);
  // They all go into one folder: of several of one name, the newest.
  const named = new Map(newest.toReversed().map((path) => [basename(path), path]));
  return newest
    .filter((path) => named.get(basename(path)) === path)
    .slice(0, MOST_SAMPLES)
    .sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
}

async function besides(results: string): Promise<string[]> {
  const folders = ['sample', 'samples'].map((name) => join(results, name));
  const lists = await Promise.all(
    folders.map(async (folder) => (await namesIn(folder)).map((name) => join(folder, name))),
  );
  return lists.flat();
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return [];
    throw error;
  });
}

/** Reads a file once and gives it both of its names. */
export async function localFile(path: string, source: string, signal: AbortSignal): Promise<Local> {
  const { size } = await stat(source);
  const names = namer(size);
  for await (const chunk of createReadStream(source, { highWaterMark: 512 * 1024, signal }))
    names.add(chunk as Buffer);
  return { path, content: new DiskBlob(source, 0, size), size, ...names.end() };
}

export function localText(path: string, text: string): Local {
  const bytes = Buffer.from(text);
  const names = namer(bytes.length);
  names.add(bytes);
  return { path, content: new Blob([bytes]), size: bytes.length, ...names.end() };
}

function namer(size: number) {
  const sha256 = createHash('sha256');
  // git hash-object: the length stands before the content.
  const git = createHash('sha1').update(`blob ${size}\0`);
  return {
    add(chunk: Buffer): void {
      sha256.update(chunk);
      git.update(chunk);
    },
    end: () => ({ sha256: sha256.digest('hex'), gitOid: git.digest('hex') }),
  };
}
