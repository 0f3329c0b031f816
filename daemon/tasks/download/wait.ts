import { setTimeout as delay } from 'node:timers/promises';

/** Sleeps. Throws the signal's reason when it comes first. */
export async function sleep(seconds: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(1000 * seconds, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}

/** Origins that asked for quiet: everyone who wants something of one waits here until it is over. */
export class Gates {
  private readonly until = new Map<string, number>();

  /** No request to this origin for so many seconds. */
  shut(origin: string, seconds: number): void {
    const end = performance.now() + 1000 * seconds;
    this.until.set(origin, Math.max(end, this.until.get(origin) ?? 0));
  }

  /** Seconds until it opens; 0 when it is open. */
  left(origin: string): number {
    return Math.max(0, ((this.until.get(origin) ?? 0) - performance.now()) / 1000);
  }

  async pass(origin: string, signal: AbortSignal): Promise<void> {
    for (let left = this.left(origin); left > 0; left = this.left(origin)) {
      // Not all at the same instant when it opens.
      await sleep(left + 0.2 * Math.random(), signal);
    }
  }
}
