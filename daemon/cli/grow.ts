import { type FileHandle, open, stat } from 'node:fs/promises';
import { codeOf } from './errors.js';

const CHUNK = 64 * 1024;

/** Reads a file that grows, may be cut in its middle (a capped log) or be replaced (a rotated one). */
export class GrowingFile {
  private file: FileHandle | null = null;
  private inode = 0;
  private at = 0;

  constructor(readonly path: string) {}

  /** Hands on, as latin1, what came since the last call. False when there is no such file (yet). */
  async read(take: (text: string) => void): Promise<boolean> {
    if (!(await this.follow(take))) return false;
    await this.drain(take);
    return true;
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = null;
  }

  private async follow(take: (text: string) => void): Promise<boolean> {
    const now = await statOf(this.path);
    if (this.file !== null && now !== null && now.ino === this.inode) {
      if (now.size < this.at) this.at = now.size; // cut shorter: what is left was shown already
      return true;
    }
    if (now === null && this.file === null) return false;
    if (this.file !== null) {
      await this.drain(take); // the last lines of the one that was rotated away
      if (now === null) return true;
      await this.close();
    }
    this.file = await open(this.path, 'r');
    this.inode = (await this.file.stat()).ino;
    this.at = 0;
    return true;
  }

  private async drain(take: (text: string) => void): Promise<void> {
    const buffer = Buffer.alloc(CHUNK);
    for (;;) {
      const { bytesRead } = await this.file!.read(buffer, 0, CHUNK, this.at);
      if (bytesRead === 0) return;
      this.at += bytesRead;
      take(buffer.toString('latin1', 0, bytesRead));
    }
  }
}

async function statOf(path: string): Promise<{ ino: number; size: number } | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}
