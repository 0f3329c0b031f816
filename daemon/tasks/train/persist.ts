import { setTimeout as delay } from 'node:timers/promises';
import type { Surroundings } from './context.js';

/** A volume that gave an error gives another one if it is asked at once; one that comes back is not
 * kept waiting for long. */
const AGAIN_SECONDS = 5;

/**
 * Does what has to be done before a job can start, until it succeeds: given up after an error, the job
 * would stand in the queue for ever. Ends without success when the daemon does (`signal`), or when the
 * job is no longer to be started, which the core is then told. The same error is logged once.
 */
export async function persist(
  at: Pick<Surroundings, 'name' | 'job' | 'observe' | 'log'>,
  work: () => Promise<void>,
  signal: AbortSignal,
  again_seconds = AGAIN_SECONDS,
): Promise<void> {
  let before = '';
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const { message, stack } = error as Error;
      const next = `cannot be started yet, and is tried again every ${again_seconds} s`;
      if (message !== before) at.log.error(`${at.name}: ${next}: ${message}`, { stack });
      before = message;
    }
    await delay(again_seconds * 1000, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    const run = at.job()?.run.at;
    if (run !== 'queued' && run !== 'waiting')
      return await at.observe({ is: 'prepared', job: at.name, from: null });
  }
}
