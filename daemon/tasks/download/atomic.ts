import { randomBytes } from 'node:crypto';
import { constants, copyFile, link, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { nodeFs } from '../../journal/index.js';
import { codeOf } from './errors.js';

const beside = (path: string): string =>
  `${path}.tmp-${process.pid}-${randomBytes(4).toString('hex')}`;

/** Makes something under a passing name and renames it to its own: nobody sees it half made. */
async function place(path: string, make: (temporary: string) => Promise<unknown>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = beside(path);
  try {
    await make(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await nodeFs.syncDir(dirname(path));
}

export function writeWhole(path: string, text: string): Promise<void> {
  return place(path, async (temporary) => {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
  });
}

/** The same file under another name; a copy where that is on another volume. */
export function linkOrCopy(from: string, to: string): Promise<void> {
  return place(to, async (temporary) => {
    try {
      await link(from, temporary);
    } catch (error) {
      if (!CANNOT_LINK.has(codeOf(error))) throw error;
      await copyFile(from, temporary, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
      const handle = await open(temporary, 'r');
      try {
        await handle.datasync();
      } finally {
        await handle.close();
      }
    }
  });
}

/** Another volume; or a file system, or a rule of the kernel's, without hard links to it. */
const CANNOT_LINK: ReadonlySet<string> = new Set(['EXDEV', 'EPERM', 'ENOTSUP', 'EMLINK']);

export function pointTo(path: string, target: string): Promise<void> {
  return place(path, (temporary) => symlink(target, temporary));
}

/** Moves a file whose bytes are on the disk to its name. */
export async function moveTo(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
  await nodeFs.syncDir(dirname(to));
}
