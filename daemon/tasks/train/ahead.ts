import { type Standby, startStandby } from '../../../trainer/process/index.js';
import type { Surroundings } from './context.js';
import { environmentOf } from './environment.js';

/** A trainer that has just started has better use for the machine. */
const AFTER_MS = 100;

/** The shepherd of a job's next attempt, started while the present one runs. */
export class Ahead {
  private standby: Standby | null = null;
  private timer: NodeJS.Timeout | null = null;

  constructor(private readonly at: Surroundings) {}

  /** An attempt runs: sees to it that a shepherd waits for the next. */
  arm(): void {
    // As a scheduler's job a shepherd is tethered to the daemon when it is started (tether.ts).
    if (this.at.tether.length > 0 || this.standby !== null || this.timer !== null) return;
    this.timer = setTimeout(() => {
      this.timer = null;
      this.start();
    }, AFTER_MS);
    this.timer.unref();
  }

  /** The one that waits, if any; it is the caller's from now on. */
  take(): Standby | null {
    const { standby } = this;
    this.standby = null;
    return standby;
  }

  /** No attempt is to follow. */
  end(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.take()?.end();
  }

  private start(): void {
    const { at } = this;
    try {
      const env = environmentOf(at, {}, null);
      this.standby = startStandby({ lineage: at.lineage, env, label: at.paths.root });
    } catch (error) {
      // No process to be had just now: the next attempt starts its own, some milliseconds later.
      at.log.warn(`${at.name}: no shepherd could be started ahead: ${(error as Error).message}`);
    }
  }
}
