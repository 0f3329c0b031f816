import { type CompactOptions, compact } from './compact.js';
import { JournalClosed } from './errors.js';
import type { Health } from './health.js';
import { isEntry } from './lines.js';
import type { Pending } from './queue.js';
import type { Segment } from './segment.js';
import type { Appended, Compaction, Entry, Journal, Health as Report, Timer } from './types.js';
import type { Writer } from './writer.js';

export interface Parts {
  segment: Segment;
  health: Health;
  writer: Writer;
  compaction: CompactOptions;
  now: () => number;
  timer: Timer;
  closeMs: number;
  /** The last number in the files. */
  seq: number;
}

export class DiskJournal<E extends { type: string }, S> implements Journal<E, S> {
  private lastSeq: number;
  private closing: Promise<{ unwritten: number }> | null = null;
  private compacting: Promise<Compaction> | null = null;

  constructor(private readonly parts: Parts) {
    this.lastSeq = parts.seq;
  }

  get seq(): number {
    return this.lastSeq;
  }

  get bytes(): number {
    return this.parts.segment.bytes;
  }

  get health(): Report {
    return this.parts.health.report;
  }

  onHealth(listener: (report: Report) => void): () => void {
    return this.parts.health.onChange(listener);
  }

  append(events: readonly E[], opts: { durable?: boolean } = {}): Appended<E> {
    if (this.closing !== null) throw new JournalClosed();
    const time = this.parts.now();
    const durable = opts.durable === true;
    const pending: Pending[] = [];
    const entries: (E & Entry)[] = [];
    for (const event of events) {
      const { line, entry } = numbered(event, this.lastSeq + pending.length + 1, time);
      pending.push({ seq: entry.seq, durable, line });
      entries.push(entry);
    }
    this.lastSeq += pending.length;
    return { entries, flushed: this.parts.writer.push(pending) };
  }

  compact(state: S): Promise<Compaction> {
    if (this.closing !== null) return Promise.reject(new JournalClosed());
    const { health } = this;
    if (health.state === 'degraded') return Promise.resolve({ done: false, code: health.code });
    this.compacting ??= compact(this.parts.compaction, { seq: this.lastSeq, state }).finally(() => {
      this.compacting = null;
    });
    return this.compacting;
  }

  close(): Promise<{ unwritten: number }> {
    this.closing ??= this.flushAndClose();
    return this.closing;
  }

  private async flushAndClose(): Promise<{ unwritten: number }> {
    const { writer, segment, timer, closeMs } = this.parts;
    const flush = async () => {
      await writer.stop();
      await this.compacting;
      await segment.close();
    };
    let cancel = () => {};
    const limit = new Promise<void>((resolve) => {
      // A dead network volume can hold a write for ever; the daemon's own end must not wait on it.
      cancel = timer(closeMs, resolve);
    });
    await Promise.race([flush().finally(cancel), limit]);
    return { unwritten: this.lastSeq - writer.writtenSeq };
  }
}

/**
 * The line of an event, and the entry as a reload would read it from that line. The owner folds
 * this one, so that NaN (null in JSON), undefined or a Date can not make the living state differ
 * from the replayed one.
 */
export function numbered<E extends { type: string }>(event: E, seq: number, time: number) {
  const line = JSON.stringify(Object.assign({ seq, time, type: event.type }, event, { seq, time }));
  const entry: unknown = JSON.parse(line);
  if (!isEntry(entry)) {
    throw new TypeError(
      `an event must have a non-empty type and a finite time to be read back from the journal; got ${line}`,
    );
  }
  return { line, entry: entry as E & Entry };
}
