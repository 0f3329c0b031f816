import { type Files, files } from './files.js';
import { codeOf, isRefusal, type JournalFs, writeAll } from './fs.js';

/**
 * journal.jsonl as the one file being written.
 *
 * Writing is at a known offset, never in append mode, and the offset moves only when a batch is
 * written and (if asked) synced. After any failure the descriptor is given up, and the next
 * ready() opens the file anew and cuts it back to that offset. So one rule repairs a torn tail
 * left by a crash, a partial write on a full disk, a sync whose pages the kernel has thrown away
 * (it reports that once only), and a network volume that came back; and as nothing is written
 * before the cut has succeeded, no torn piece can ever stand in the middle of the file.
 */
export class Segment {
  private fd: number | null = null;
  private readonly names: Files;

  constructor(
    private readonly fs: JournalFs,
    dir: string,
    /** Bytes of whole lines: where the next batch goes. */
    public bytes: number,
  ) {
    this.names = files(dir);
  }

  get isReady(): boolean {
    return this.fd !== null;
  }

  async ready(): Promise<void> {
    const fd = await this.fs.open(this.names.journal);
    try {
      const size = await this.fs.size(fd);
      // Smaller than we left it: somebody truncated or removed it. Going on at our own offset
      // would fill the hole with zeros.
      this.bytes = Math.min(this.bytes, size);
      if (size > this.bytes) {
        await this.fs.truncate(fd, this.bytes);
        await this.fs.datasync(fd);
      }
      // A new file is not safe from a power cut until its folder is synced.
      if (this.bytes === 0) await this.fs.syncDir(this.names.dir);
    } catch (error) {
      await this.giveUp(fd);
      throw error;
    }
    this.fd = fd;
  }

  async write(bytes: Uint8Array, durable: boolean): Promise<void> {
    const fd = this.open;
    try {
      await writeAll(this.fs, fd, bytes, this.bytes);
      if (durable) await this.fs.datasync(fd);
    } catch (error) {
      this.fd = null;
      await this.giveUp(fd);
      throw error;
    }
    this.bytes += bytes.length;
  }

  async sync(): Promise<void> {
    await this.fs.datasync(this.open);
  }

  /** Makes this file the previous segment and begins an empty one. */
  async rotate(): Promise<void> {
    await this.fs.rename(this.names.journal, this.names.previousJournal);
    // From here on the descriptor names the previous segment: whatever fails below must not
    // leave it in use.
    const fd = this.open;
    this.fd = null;
    this.bytes = 0;
    await this.fs.close(fd);
    await this.ready();
  }

  async close(): Promise<void> {
    if (this.fd === null) return;
    const fd = this.fd;
    this.fd = null;
    try {
      // What was appended as not durable should survive an orderly end all the same.
      await this.fs.datasync(fd);
    } catch (error) {
      // Everything durable is synced already; for the rest a refusing disk was never promised.
      if (!isRefusal(error)) throw error;
    } finally {
      await this.giveUp(fd);
    }
  }

  private get open(): number {
    if (this.fd === null) throw new Error('the segment is not open: call ready() first');
    return this.fd;
  }

  private async giveUp(fd: number): Promise<void> {
    try {
      await this.fs.close(fd);
    } catch (error) {
      // close(2) frees the descriptor even when it reports an error, and the error that made us
      // give it up is the one to tell. A bad descriptor is a mistake of ours, though.
      if (codeOf(error) === 'EBADF') throw error;
    }
  }
}
