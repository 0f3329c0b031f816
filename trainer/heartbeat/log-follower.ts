import { type FileHandle, open } from 'node:fs/promises';
import type { LogPatterns } from './log-progress.js';
import { LogProgress, merge } from './log-progress.js';
import type { Merged } from './ranks.js';

/** At most this much is read at a time, so that a flood of output delays nothing else. */
const CHUNK = 256 * 1024;
/** Beyond this backlog (bytes) the middle is skipped: only the newest progress counts. */
const BACKLOG = 4 * 1024 * 1024;

/** Follows the growing output of one attempt. */
export class LogFollower {
  private file: FileHandle | null = null;
  private offset = 0;
  private readonly progress: LogProgress;
  private readonly buffer = Buffer.alloc(CHUNK);
  private busy: Promise<Merged | null> = Promise.resolve(null);

  /** `past`: see {@link LogProgress}. */
  constructor(
    private readonly path: string,
    private readonly patterns: LogPatterns,
    past = false,
  ) {
    this.progress = new LogProgress(patterns, past);
  }

  /** Reads to the end of the file; the newest facts, null when there is nothing new. Calls made
   * while one is under way wait for it, so that no byte is read twice. */
  poll(): Promise<Merged | null> {
    this.busy = this.busy.then(
      () => this.readOn(),
      () => this.readOn(),
    );
    return this.busy;
  }

  /** Reads the rest of what a trainer left that has ended by itself: its last line counts as whole
   * though it has no line end, which in a living trainer's output may be half a line. */
  finish(): Promise<Merged | null> {
    const poll = this.poll();
    this.busy = poll.then((found) => merge(found, this.progress.settle(true)));
    return this.busy;
  }

  tail(): readonly string[] {
    return this.progress.tail();
  }

  /** See {@link LogProgress.stepped}. */
  stepped(): void {
    this.progress.stepped();
  }

  /** See {@link LogProgress.lastWords}. */
  lastWords(): readonly string[] {
    return this.progress.lastWords();
  }

  /** Bytes of output that said something new; see {@link LogProgress.novel}. */
  get novel(): number {
    return this.progress.novel;
  }

  /** After the middle of the file was dropped the end has moved back. Not to be called while a poll
   * is under way. */
  moved(from: number, dropped: number): void {
    if (this.offset <= from) return;
    if (this.offset < from + dropped) this.jump(from);
    else this.offset -= dropped;
  }

  async close(): Promise<void> {
    await this.busy.catch(() => null);
    await this.file?.close();
    this.file = null;
  }

  private async readOn(): Promise<Merged | null> {
    this.file ??= await openIfThere(this.path);
    if (this.file === null) return null;
    const { size } = await this.file.stat();
    if (size < this.offset) this.jump(size);
    if (this.offset >= size) return this.progress.settle();
    let found: Merged | null = null;
    if (size - this.offset > BACKLOG) {
      // What the figures are counted from stands at the beginning.
      const head = this.offset === 0 && this.patterns.absolute !== undefined;
      if (head) found = await this.readTo(this.file, Math.min(BACKLOG, size - BACKLOG));
      this.jump(size - BACKLOG);
    }
    return merge(found, await this.readTo(this.file, size));
  }

  private async readTo(file: FileHandle, end: number): Promise<Merged | null> {
    let found: Merged | null = null;
    while (this.offset < end) {
      const length = Math.min(CHUNK, end - this.offset);
      const { bytesRead } = await file.read(this.buffer, 0, length, this.offset);
      if (bytesRead === 0) break;
      this.offset += bytesRead;
      found = merge(found, this.progress.feed(Buffer.from(this.buffer.subarray(0, bytesRead))));
    }
    return found;
  }

  /** Goes on elsewhere, most likely in the middle of a line. */
  private jump(offset: number): void {
    this.offset = offset;
    this.progress.skipped();
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
