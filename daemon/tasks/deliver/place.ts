import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Cannot, isPermanent } from '../cannot.js';
import type { FinishedLora } from '../finished-lora.js';
import { sha256Of } from '../sha256.js';

/** `link`: a second name for the same bytes where both lie on one volume, else a copy. */
export type By = 'copy' | 'link';

/**
 * Puts the LoRA into a folder, whole or not at all, and never in the place of another file. Gives
 * the path; the same file lying there already is success. Throws Cannot, and the signal's reason.
 */
export async function place(
  lora: FinishedLora,
  folder: string,
  by: By,
  signal: AbortSignal,
): Promise<string> {
  const target = join(folder, lora.name);
  try {
    await mustBeFolder(folder);
    if (await isThere(lora, target, signal)) return target;
    if (by === 'link' && (await linked(lora.path, target)))
      return await settled(lora, target, signal);
    await copied(lora, target, signal);
    return await settled(lora, target, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Cannot) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Cannot(
      `cannot deliver to ${target}: ${message}`,
      (code && REMEDIES[code]) ?? 'See that the folder can be written.',
      isPermanent(error),
    );
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'Make room on its volume.',
  EDQUOT: 'Make room on its volume.',
  EACCES: 'Let the user that the daemon runs as write there.',
  EROFS: 'Its volume is mounted read-only.',
};

/** Made where only its last part is missing. One whose parent is missing is most likely a volume
 * that is not mounted, and a folder made in its place would swallow the file. */
async function mustBeFolder(folder: string): Promise<void> {
  const there = await statOrNull(folder);
  if (there?.isDirectory()) return;
  if (there !== null) throw new Cannot(`${folder} is a file, not a folder`, 'Name a folder.', true);
  if ((await statOrNull(dirname(folder)))?.isDirectory()) {
    await mkdir(folder, { recursive: true });
    return;
  }
  throw new Cannot(
    `there is no folder ${folder}, nor one above it`,
    'Mount its volume or make the folder.',
    false,
  );
}

async function isThere(lora: FinishedLora, target: string, signal: AbortSignal): Promise<boolean> {
  const there = await statOrNull(target);
  if (there === null) return false;
  const own = await stat(lora.path);
  if (there.dev === own.dev && there.ino === own.ino) return true;
  const same =
    there.isFile() &&
    there.size === own.size &&
    (await sha256Of(target, signal)) === (await sha256Of(lora.path, signal));
  if (same) return true;
  throw new Cannot(
    `${target} is another file and is left as it is`,
    'Move it away or give the job another name, then deliver again.',
    true,
  );
}

/** The name may have been taken, by whatever it is, between the look and the deed. */
async function settled(lora: FinishedLora, target: string, signal: AbortSignal): Promise<string> {
  if (await isThere(lora, target, signal)) return target;
  throw new Cannot(`${target} vanished while it was delivered`, '', false);
}

const NO_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** False where the file systems will not have it. A name that is taken is left to who looks next. */
async function linked(from: string, target: string): Promise<boolean> {
  try {
    await link(from, target);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (code !== undefined && NO_LINKS.has(code)) return false;
    throw error;
  }
}

/** Beside the target under a name of our own first; what a killed daemon left of that is removed. */
async function copied(lora: FinishedLora, target: string, signal: AbortSignal): Promise<void> {
  const temporary = join(dirname(target), `.${lora.name}.nightwarden.tmp`);
  await rm(temporary, { force: true });
  try {
    // Shares the bytes on file systems that can (Btrfs, XFS), which costs nothing.
    const how = constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE;
    await copyFile(lora.path, temporary, how);
    await synced(temporary);
    if ((await sha256Of(temporary, signal)) !== (await sha256Of(lora.path, signal))) {
      throw new Cannot(`the copy for ${target} differs from ${lora.path}`, '', false);
    }
    // rename(2) would replace what somebody put there meanwhile; link(2) will not.
    if (!(await linked(temporary, target))) await renamed(temporary, target);
    await synced(dirname(target));
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Where there are no links (FAT, some FUSE): the name is taken by an empty file of our own first. */
async function renamed(temporary: string, target: string): Promise<void> {
  try {
    await (await open(target, 'wx')).close();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw error;
  }
  await rename(temporary, target);
}

async function synced(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function statOrNull(path: string) {
  return await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
}
