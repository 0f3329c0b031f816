import type { Histogram } from 'prom-client';
import { type Entry, secondsOfBin } from '../../core/index.js';
import type { Catalogue } from './catalogue.js';

/** prom-client counts one observation a call. Progress is journalled once a second, so more steps
 * than this in one entry are those of hours unwatched, and no entry may hold up the loop. */
const MOST = 10_000;

/** The histograms, observed as the entries are made. They begin anew with each daemon, as counters
 * of a process do. */
export function observe(metrics: Catalogue['durations'], entry: Entry): void {
  switch (entry.type) {
    case 'progress':
      for (const [bin, count] of Object.entries(entry.bins)) {
        // Each step by itself, to 5 %, where the event's mean would hide the one slow step among fast ones.
        add(metrics.step, entry.job, secondsOfBin(Number(bin)), count);
      }
      return;
    case 'hang_confirmed':
      return add(metrics.hang, entry.job, entry.silent_seconds, 1);
    case 'recovered':
      return add(metrics.recovery, entry.job, entry.seconds, 1);
  }
}

function add(histogram: Histogram<'job'>, job: string, seconds: number, count: number): void {
  // prom-client throws on what is not a finite number.
  if (!Number.isFinite(seconds) || seconds < 0) return;
  const child = histogram.labels({ job });
  for (let i = 0; i < Math.min(count, MOST); i += 1) child.observe(seconds);
}
