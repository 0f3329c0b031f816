import { cp, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { absentIsNull, isAbsent } from './absent.js';
import { QUARANTINE } from './find.js';
import type { Found } from './types.js';

export interface QuarantineOptions {
  /** Takes the bad checkpoints of this job; outside every trainer's folder. */
  quarantineDir: string;
  /** Unix milliseconds. */
  now: () => number;
  /** Replaced in tests. */
  rename?: (from: string, to: string) => Promise<void>;
}

export interface Quarantined {
  /** Where the checkpoint lies now. */
  path: string;
  /** The note beside it: `{v, from, to, step, reason, time}`. */
  note: string;
}

/**
 * Moves a checkpoint out of the trainer's sight and writes a note beside it. It may not stay in
 * the trainer's own folder under any name: `checkpoint-12.quarantine` breaks diffusers' resume,
 * and ai-toolkit takes the newest file of its prefix. On the way: a rename into `quarantineDir`;
 * from another volume a rename into `.nightwarden-quarantine` beside the folder that holds the
 * checkpoints; else copy, sync, remove. Nothing is ever overwritten.
 *
 * @returns null when the checkpoint is already gone
 * @throws when no way works; the checkpoint, or what is left of it, is then still where it was
 */
export async function quarantine(
  found: Found,
  reason: string,
  options: QuarantineOptions,
): Promise<Quarantined | null> {
  const { quarantineDir, now, rename: move = rename } = options;
  const beside = join(dirname(dirname(found.path)), QUARANTINE);
  const ways = [
    { dir: quarantineDir, move },
    { dir: beside, move },
    { dir: quarantineDir, move: copyAndRemove },
  ];
  const errors: Error[] = [];
  for (const way of ways) {
    if ((await absentIsNull(lstat(found.path))) === null) return null;
    // A copy helps between volumes alone: where a rename was not allowed, neither is a removal.
    if (way.move === copyAndRemove && codeOf(errors[0]) !== 'EXDEV') continue;
    try {
      const place = await reserve(way.dir, found, reason, now());
      try {
        await way.move(found.path, place.path);
        return place;
      } catch (error) {
        await rm(place.note, { force: true });
        throw error;
      }
    } catch (error) {
      if (isAbsent(error) && (await absentIsNull(lstat(found.path))) === null) return null;
      errors.push(error as Error);
    }
  }
  throw new AggregateError(
    errors,
    `${found.path} could not be moved to ${quarantineDir} (${errors.map((e) => e.message).join('; ')}): make room or grant access there, or move it away by hand`,
  );
}

/**
 * Takes a name by creating its note: `rename` replaces a file without asking, so the name must be
 * one's own before the move. Should the process die in between, the note tells what was meant.
 */
async function reserve(
  dir: string,
  found: Found,
  reason: string,
  time_ms: number,
): Promise<Quarantined> {
  await mkdir(dir, { recursive: true });
  const time = Math.floor(time_ms / 1000);
  const stem = `${basename(found.path)}-${time}-${slug(reason)}`;
  for (let n = 1; ; n += 1) {
    const path = join(dir, n === 1 ? stem : `${stem}-${n}`);
    if ((await absentIsNull(lstat(path))) !== null) continue;
    const note = `${path}.json`;
    const text = { v: 1, from: found.path, to: path, step: found.step, reason, time };
    if (await createOnly(note, `${JSON.stringify(text, null, 1)}\n`)) return { path, note };
  }
}

async function createOnly(path: string, text: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    return true;
  } catch (error) {
    if (codeOf(error as Error) === 'EEXIST') return false;
    await rm(path, { force: true });
    throw error;
  }
}

function codeOf(error: Error | undefined): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

function slug(reason: string): string {
  const words = reason
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, 40);
  return words.replace(/^-+|-+$/g, '') || 'bad';
}

/** For a move between volumes: the source goes only when the copy is on disk under its name. */
async function copyAndRemove(from: string, to: string): Promise<void> {
  const partial = `${to}.partial`;
  try {
    await cp(from, partial, {
      recursive: true,
      errorOnExist: true,
      force: false,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    await syncTree(partial);
    await rename(partial, to);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
  await rm(from, { recursive: true, force: true });
}

async function syncTree(path: string): Promise<void> {
  const at = await lstat(path);
  if (at.isSymbolicLink()) return;
  if (at.isDirectory()) for (const name of await readdir(path)) await syncTree(join(path, name));
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
