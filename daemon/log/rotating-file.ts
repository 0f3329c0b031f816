import { closeSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { type AppendFile, cut, openAtEnd, writeAll, writeAllSync } from './append-file.js';
import { Backlog, type Chunk } from './backlog.js';
import { rotate } from './rotation.js';

const BACKLOG_BYTES = 4 * 1024 * 1024;
const BATCH_BYTES = 256 * 1024;

export interface RotatingFileOptions {
  readonly path: string;
  readonly maxBytes: number;
  readonly files: number;
  readonly retryMs: number;
  /** The disk refuses; told once until it takes a line again. */
  readonly onTrouble: (error: NodeJS.ErrnoException) => void;
  /** The line that stands for lines lost meanwhile. */
  readonly lostLine: (lines: number) => string;
}

/**
 * Appends lines to a file without ever blocking, throwing or growing without bound, and can write
 * out everything synchronously at any instant. winston's own File transport can do neither: lines in
 * its streams are gone with process.exit(), and after one ENOSPC it stays silent for ever.
 *
 * All writes name their position in the file. So when a dying process has a write under way on
 * another thread, it writes the same bytes to the same place again: whichever lands last, the file
 * is the same. This relies on one writer a file, which the daemon's lock sees to.
 */
export class RotatingFile {
  private readonly backlog = new Backlog(BACKLOG_BYTES);
  private open: AppendFile | null = null;
  private flight: Chunk | null = null;
  private pumping: Promise<void> | null = null;
  private retry: NodeJS.Timeout | null = null;
  private troubled = false;
  private closed = false;

  constructor(private readonly options: RotatingFileOptions) {}

  append(line: string): void {
    if (this.closed) return;
    this.backlog.push(line);
    if (this.retry === null) this.start();
  }

  /** All that was appended is in the file when this returns, or the trouble has been told. Rotates
   * nothing: with a write under way, a descriptor closed and used again would send it elsewhere. */
  flushSync(): void {
    try {
      const file = this.opened();
      if (this.flight !== null) this.writeSync(file, this.flight);
      this.flight = null;
      while (!this.backlog.empty) this.writeSync(file, this.backlog.take(BATCH_BYTES));
    } catch (error) {
      this.tell(error);
    }
  }

  /** Waits at most `limitMs` for the queue to be written, then lets go of the file. */
  async close(limitMs: number): Promise<void> {
    this.closed = true;
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
    if (!this.backlog.empty) this.start();
    let timer: NodeJS.Timeout | undefined;
    const limit = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, limitMs);
    });
    await Promise.race([this.pumping, limit]);
    clearTimeout(timer);
    // A write still under way keeps its descriptor: closed, its number could be another file's.
    if (this.flight === null) this.letGo();
  }

  private writeSync(file: AppendFile, { bytes }: Chunk): void {
    writeAllSync(file.fd, bytes, file.at);
    file.at += bytes.length;
  }

  private start(): void {
    this.pumping ??= this.pump().finally(() => {
      this.pumping = null;
    });
  }

  private async pump(): Promise<void> {
    try {
      while (!this.backlog.empty) {
        await this.look();
        // A flush may have emptied the queue meanwhile.
        if (!this.backlog.empty) await this.writeNext();
      }
    } catch (error) {
      this.letGo();
      this.tell(error);
      if (this.closed) return;
      this.retry = setTimeout(() => {
        this.retry = null;
        this.start();
      }, this.options.retryMs);
      this.retry.unref();
    }
  }

  /** Someone may have removed, moved or emptied the file: go on where people look for it. */
  private async look(): Promise<void> {
    const file = this.open;
    if (file === null) return;
    const seen = await stat(this.options.path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null;
      throw error;
    });
    if (this.open !== file) return;
    if (seen === null || seen.ino !== file.ino) this.letGo();
    else if (seen.size < file.at && seen.isFile()) file.at = seen.size;
  }

  private async writeNext(): Promise<void> {
    const file = this.withRoom();
    const chunk = this.backlog.take(Math.min(BATCH_BYTES, this.options.maxBytes - file.at));
    this.flight = chunk;
    const { bytes } = chunk;
    try {
      // False when a flush wrote it meanwhile.
      if (!(await writeAll(file.fd, bytes, file.at, () => this.flight === chunk))) return;
    } catch (error) {
      if (this.flight !== chunk) return;
      this.flight = null;
      this.backlog.putBack(chunk);
      cut(file.fd, file.at);
      throw error;
    }
    this.flight = null;
    file.at += bytes.length;
    this.recovered();
  }

  /** The open file, after a rotation where the next line would be one too many. */
  private withRoom(): AppendFile {
    const { path, maxBytes, files } = this.options;
    const file = this.opened();
    if (file.at === 0 || file.at + this.backlog.next <= maxBytes) return file;
    this.letGo();
    rotate(path, files);
    return this.opened();
  }

  private opened(): AppendFile {
    this.open ??= openAtEnd(this.options.path);
    return this.open;
  }

  private letGo(): void {
    if (this.open !== null) closeSync(this.open.fd);
    this.open = null;
  }

  private tell(error: unknown): void {
    if (this.troubled) return;
    this.troubled = true;
    this.options.onTrouble(error as NodeJS.ErrnoException);
  }

  private recovered(): void {
    this.troubled = false;
    const lost = this.backlog.takeLost();
    if (lost > 0) this.backlog.push(this.options.lostLine(lost));
  }
}
