import type { Counter, Gauge, LabelValues } from 'prom-client';

/** A gauge's samples as they now are; labels that no longer occur leave no stale sample. */
export class Samples<L extends string> {
  constructor(private readonly gauge: Gauge<L>) {
    gauge.reset();
  }

  /** Absent facts have no sample. */
  set(labels: LabelValues<L>, value: number | null | undefined): void {
    if (value !== null && value !== undefined) this.gauge.set(labels, value);
  }
}

/** Sets a counter to totals that are counted elsewhere; prom-client itself lets them only grow. */
export class Totals<L extends string> {
  constructor(private readonly counter: Counter<L>) {
    counter.reset();
  }

  set(labels: LabelValues<L>, total: number): void {
    this.counter.inc(labels, total);
  }
}
