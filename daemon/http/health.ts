import type { HttpEngine } from './surface.js';

/** A healthy engine takes a turn every watch.poll_seconds, 0.25 s by default. */
const STALLED_SECONDS = 5;

/** Seconds since the engine's last turn; `loop` in milliseconds on the engine's clock. */
export function loopAge(engine: HttpEngine, loop: number): number {
  return Math.max(0, (loop - engine.lastTurn) / 1000);
}

export function isTurning(engine: HttpEngine, loop: number): boolean {
  return loopAge(engine, loop) < STALLED_SECONDS;
}

export interface Health {
  readonly status: 'ok' | 'stalled';
  readonly loop_age_seconds: number;
  /** `ok`, or since when and why events wait for the disk. The watch goes on meanwhile, so this alone
   * is no reason to kill the daemon. */
  readonly journal: string;
}

export function healthOf(engine: HttpEngine, loop: number): Health {
  const { journalHealth } = engine;
  return {
    status: isTurning(engine, loop) ? 'ok' : 'stalled',
    loop_age_seconds: Math.round(loopAge(engine, loop) * 1000) / 1000,
    journal:
      journalHealth.state === 'ok'
        ? 'ok'
        : `degraded: ${journalHealth.code} since ${iso(journalHealth.since)}, ${journalHealth.pending} events waiting`,
  };
}

function iso(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
