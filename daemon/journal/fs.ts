import {
  close,
  constants,
  copyFile,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  open,
  rename,
  unlink,
  write,
} from 'node:fs';
import { promisify } from 'node:util';

/**
 * Everything the journal does to the disk, one system call each, so that a test can refuse or
 * stop at any of them. Errors carry `code` (an errno name) as node's own do.
 */
export interface JournalFs {
  /** Opens for reading and writing, creating the file; `truncate` empties it. Returns the descriptor. */
  open(path: string, how?: { truncate: boolean }): Promise<number>;
  /** Writes `bytes` at `position`; returns how many were written, which may be fewer. */
  write(fd: number, bytes: Uint8Array, position: number): Promise<number>;
  size(fd: number): Promise<number>;
  truncate(fd: number, length: number): Promise<void>;
  datasync(fd: number): Promise<void>;
  close(fd: number): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Fails with EEXIST if `to` is there. */
  copy(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes renames and new files in the folder survive a power cut. */
  syncDir(path: string): Promise<void>;
}

// Plain descriptors and not FileHandles: these calls sit between a trainer's death and its
// next exec, and a FileHandle adds its own bookkeeping to each.
const openFd = promisify(open);
const closeFd = promisify(close);
const syncFd = promisify(fsync);

export const nodeFs: JournalFs = {
  open: (path, how) =>
    openFd(
      path,
      constants.O_RDWR | constants.O_CREAT | (how?.truncate ? constants.O_TRUNC : 0),
      0o644,
    ),
  write: (fd, bytes, position) =>
    new Promise((resolve, reject) => {
      write(fd, bytes, 0, bytes.length, position, (error, written) =>
        error ? reject(error) : resolve(written),
      );
    }),
  size: (fd) =>
    new Promise((resolve, reject) => {
      fstat(fd, (error, stat) => (error ? reject(error) : resolve(stat.size)));
    }),
  truncate: promisify(ftruncate),
  datasync: promisify(fdatasync),
  close: closeFd,
  rename: promisify(rename),
  copy: (from, to) => promisify(copyFile)(from, to, constants.COPYFILE_EXCL),
  unlink: promisify(unlink),
  async syncDir(path) {
    const fd = await openFd(path, constants.O_RDONLY);
    try {
      await syncFd(fd);
    } finally {
      await closeFd(fd);
    }
  },
};

/** The errno name of an error, or its class for one that is none. */
export function codeOf(error: unknown): string {
  if (error instanceof Error) return (error as NodeJS.ErrnoException).code ?? error.name;
  // A test runner's own realm makes errors that are no instance of this one's Error.
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' ? code : 'UNKNOWN';
}

const REFUSALS = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ESTALE', 'ETIMEDOUT', 'ENOTCONN']);

/** True for an error that says "this disk, now" and may pass, as against a wrong path or right. */
export const isRefusal = (error: unknown): boolean => REFUSALS.has(codeOf(error));

/** Writes all of `bytes` from `position` on, however few a call takes. */
export async function writeAll(
  fs: JournalFs,
  fd: number,
  bytes: Uint8Array,
  position: number,
): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const written = await fs.write(fd, done === 0 ? bytes : bytes.subarray(done), position + done);
    if (written <= 0) throw Object.assign(new Error('EIO: write took no bytes'), { code: 'EIO' });
    done += written;
  }
}

/** Writes a file of this folder as a whole and syncs it. Leaves it half written if it throws. */
export async function writeSynced(fs: JournalFs, path: string, bytes: Uint8Array): Promise<void> {
  const fd = await fs.open(path, { truncate: true });
  try {
    await writeAll(fs, fd, bytes, 0);
    await fs.datasync(fd);
  } finally {
    await fs.close(fd);
  }
}
