import { codeOf, isRefusal } from './fs.js';
import type { Health } from './health.js';
import type { Pending, PendingQueue } from './queue.js';
import type { Segment } from './segment.js';
import type { Timer } from './types.js';

export interface WriterOptions {
  segment: Segment;
  health: Health;
  queue: PendingQueue;
  /** The last number in the files. */
  writtenSeq: number;
  /** The finished line of a gap, without its newline. */
  renderGap: (item: Pending) => string;
  /** Milliseconds. */
  retryMs: number;
  timer: Timer;
}

// Bounds the bytes of one write: a batch that failed at its end is written again as a whole.
const MAX_BATCH = 4096;

/**
 * Writes what is queued, one batch at a time: a single write and, if any line of it is durable,
 * a single sync. What is queued meanwhile is the next batch (group commit).
 * On a refusal everything stays queued in order and is tried again after retryMs.
 */
export class Writer {
  private waiters: { seq: number; resolve: () => void }[] = [];
  private jobs: { run: () => Promise<void>; ran: (done: boolean) => void }[] = [];
  private working: Promise<void> = Promise.resolve();
  private busy = false;
  private kicked = false;
  private cancelRetry: (() => void) | null = null;
  private stopping = false;

  constructor(private readonly options: WriterOptions) {}

  /** All entries up to this number are in the file, or were dropped and reported there. */
  get writtenSeq(): number {
    return this.options.writtenSeq;
  }

  /** Opens the file; a disk that refuses leaves the journal degraded and tried again. */
  async start(): Promise<void> {
    try {
      await this.options.segment.ready();
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.refused(error);
    }
  }

  push(items: readonly Pending[]): Promise<void> {
    const last = items.at(-1);
    if (last === undefined) return Promise.resolve();
    this.options.queue.push(items);
    const flushed = new Promise<void>((resolve) => {
      this.waiters.push({ seq: last.seq, resolve });
    });
    this.kick();
    return flushed;
  }

  /** Runs `job` once nothing is queued or being written; false if the writer stopped before that. */
  whenDrained(job: () => Promise<void>): Promise<boolean> {
    if (this.stopping) return Promise.resolve(false);
    const ran = new Promise<boolean>((resolve) => {
      this.jobs.push({ run: job, ran: resolve });
    });
    this.kick();
    return ran;
  }

  /** One last attempt at all that waits; no retry is left behind. */
  async stop(): Promise<void> {
    this.stopping = true;
    this.cancelRetry?.();
    this.cancelRetry = null;
    await this.working;
    await this.work();
    for (const { ran } of this.jobs.splice(0)) ran(false);
  }

  private kick(): void {
    if (this.kicked || this.busy || this.stopping || this.cancelRetry !== null) return;
    this.kicked = true;
    // Not at once: appends made in the same turn of the event loop share one sync.
    queueMicrotask(() => {
      this.kicked = false;
      if (!this.busy && !this.stopping) this.working = this.work();
    });
  }

  private async work(): Promise<void> {
    this.busy = true;
    try {
      // No await after the last look at the queue: an append that sees busy leaves its line to
      // this loop, and in a microtask between the look and the rest below it would be forgotten.
      for (let next = this.step(); next !== false; next = this.step()) await next;
    } catch (error) {
      this.refused(error);
    } finally {
      this.busy = false;
    }
  }

  /** False when nothing is left to do. */
  private step(): Promise<true> | false {
    const { segment, queue, health } = this.options;
    if (!segment.isReady) return segment.ready().then(() => true);
    if (queue.length > 0) return this.writeBatch();
    health.recovered();
    const job = this.jobs.shift();
    return job === undefined ? false : this.runJob(job);
  }

  private async writeBatch(): Promise<true> {
    const { segment, queue, health, renderGap } = this.options;
    const batch = queue.take(MAX_BATCH);
    let text = '';
    let durable = false;
    for (const item of batch) {
      text += `${item.gap ? renderGap(item) : item.line}\n`;
      durable ||= item.durable;
    }
    try {
      await segment.write(Buffer.from(text), durable);
    } catch (error) {
      queue.putBack(batch);
      throw error;
    }
    this.release(batch.at(-1)?.seq ?? 0);
    if (queue.length === 0) health.recovered();
    return true;
  }

  private async runJob(job: { run: () => Promise<void>; ran: (done: boolean) => void }) {
    await job.run();
    job.ran(true);
    return true as const;
  }

  /** Lines go out in order: all that wait for a number up to `seq` are done, dropped ones too. */
  private release(seq: number): void {
    this.options.writtenSeq = seq;
    const first = this.waiters.findIndex((waiter) => waiter.seq > seq);
    for (const waiter of this.waiters.splice(0, first === -1 ? this.waiters.length : first)) {
      waiter.resolve();
    }
  }

  private refused(error: unknown): void {
    if (!this.stopping) {
      this.cancelRetry = this.options.timer(this.options.retryMs, () => {
        this.cancelRetry = null;
        if (!this.busy && !this.stopping) this.working = this.work();
      });
    }
    this.options.health.refused(codeOf(error));
  }
}
