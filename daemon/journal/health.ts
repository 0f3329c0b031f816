import type { Health as Report } from './types.js';

/** Whether the disk takes what is written, and who wants to hear when that changes. */
export class Health {
  private trouble: { since: number; code: string } | null = null;
  private readonly listeners = new Set<(report: Report) => void>();

  constructor(
    private readonly now: () => number,
    private readonly waiting: () => { pending: number; dropped: number },
  ) {}

  get report(): Report {
    return this.trouble === null
      ? { state: 'ok' }
      : { state: 'degraded', ...this.trouble, ...this.waiting() };
  }

  onChange(listener: (report: Report) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  refused(code: string): void {
    if (this.trouble?.code === code) return;
    this.trouble = { since: this.trouble?.since ?? this.now(), code };
    this.tell();
  }

  recovered(): void {
    if (this.trouble === null) return;
    this.trouble = null;
    this.tell();
  }

  private tell(): void {
    const report = this.report;
    for (const listener of this.listeners) listener(report);
  }
}
