import { setTimeout as delay } from 'node:timers/promises';

/** Sleeps; false when the signal came first (or had come). */
export async function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  if (signal?.aborted) return false;
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal });
    return true;
  } catch (error) {
    if (signal?.aborted) return false;
    throw error;
  }
}

/** Looks until there is something; null when `limitMs` passed or the signal came first. */
export async function waitFor<T>(
  look: () => T | null | Promise<T | null>,
  limitMs: number,
  options: { everyMs?: number; signal?: AbortSignal } = {},
): Promise<T | null> {
  const until = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() >= until) return null;
    if (!(await pause(options.everyMs ?? 50, options.signal))) return null;
  }
}
