import type { Phase } from './phases.js';
import { knownPhase } from './phases.js';
import { type PhaseClock, passing, type Watch } from './watch.js';

/** How long a clock has stood, and for how long from now on it will go on standing as it does. */
export interface Silence {
  readonly seconds: number;
  /** Seconds for which an inner phase takes the passing time upon itself. */
  readonly frozen: number;
}

/**
 * Seconds a clock has stood, less what its inner phases may take. Each inner phase, by name, is
 * credited with at most its own allowance however often it is opened: a loop that only ever opens
 * fresh inner phases cannot hide behind them.
 */
export function silence(
  clock: PhaseClock,
  watch: Watch,
  mono: number,
  allowance: (phase: Phase) => number,
): Silence {
  const inner = passing(watch);
  const now = inner === undefined || inner === clock ? null : inner.name;
  const running = now === null ? 0 : mono - watch.credited_at;
  let credited = 0;
  let frozen = 0;
  for (const name in clock.inner) {
    const most = allowance(knownPhase(name));
    const spent = (clock.inner[name] ?? 0) + (name === now ? running : 0);
    credited += Math.min(spent, most);
    if (name === now) frozen = Math.max(0, most - spent);
  }
  if (now !== null && clock.inner[now] === undefined) {
    const most = allowance(knownPhase(now));
    credited += Math.min(running, most);
    frozen = Math.max(0, most - running);
  }
  return { seconds: Math.max(0, mono - clock.since - credited), frozen };
}
