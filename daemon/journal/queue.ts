import type { Entry } from './types.js';

/** One line that waits to be written. */
export interface Pending {
  seq: number;
  durable: boolean;
  /** Without its newline. Empty for a gap until render() makes it. */
  line: string;
  /** Set on the line that stands for dropped ones. */
  gap?: { dropped: number; time: number };
}

/**
 * The lines that wait, in order. When more than `limit` wait, the oldest non-durable ones are
 * dropped, a tenth of the limit at a time so that an append stays cheap. A gap line takes the
 * number of the first one dropped: sequence numbers go on rising, and the report stands
 * where the loss is. The newest line is never dropped, so a segment always ends at its last number.
 */
export class PendingQueue {
  private items: Pending[] = [];

  constructor(private readonly limit: number) {}

  get length(): number {
    return this.items.length;
  }

  get dropped(): number {
    return this.items.reduce((sum, item) => sum + (item.gap?.dropped ?? 0), 0);
  }

  push(items: readonly Pending[]): void {
    for (const item of items) this.items.push(item);
    this.shrink();
  }

  take(most: number): Pending[] {
    return this.items.length <= most ? this.all() : this.items.splice(0, most);
  }

  putBack(batch: readonly Pending[]): void {
    this.items = [...batch, ...this.items];
    this.shrink();
  }

  private all(): Pending[] {
    const all = this.items;
    this.items = [];
    return all;
  }

  private shrink(): void {
    const over = this.items.length - this.limit;
    if (over <= 0) return;
    const newest = this.items.at(-1);
    let left = Math.max(over, Math.floor(this.limit / 10));
    let gap = this.items.find((item) => item.gap !== undefined);
    const kept: Pending[] = [];
    for (const item of this.items) {
      if (left === 0 || item.durable || item.gap || item === newest) {
        kept.push(item);
        continue;
      }
      left -= 1;
      if (gap?.gap) {
        gap.gap.dropped += 1;
      } else {
        const { time } = JSON.parse(item.line) as Entry;
        gap = { seq: item.seq, durable: true, line: '', gap: { dropped: 1, time } };
        kept.push(gap);
      }
    }
    this.items = kept;
  }
}
