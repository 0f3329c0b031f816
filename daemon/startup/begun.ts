import type { Engine } from '../engine/index.js';
import type { Log } from '../log/index.js';
import type { Notifier } from '../notify/index.js';
import type { Teller } from './announcement.js';
import type { createEdges } from './edges.js';

/** What of a daemon is there: it may be ended before all of it is. */
export interface Begun {
  readonly engine: Engine;
  readonly edges: Pick<ReturnType<typeof createEdges>, 'close'>;
  readonly gpus: { close(): void };
  readonly journal: { close(): Promise<{ unwritten: number }> };
  readonly log: Log;
  http: { close(): Promise<void> } | null;
  mail: Notifier | null;
  teller: Teller | null;
  ticker: NodeJS.Timeout | null;
}

/** A disk that refuses must not keep a scheduler waiting for its word; see {@link leave}, in ms. */
const TOLD_WITHIN_MS = 2000;

/** Ends what was begun, and leaves the trainer running: the next daemon adopts it. */
export async function shutDown(begun: Begun, reason: string): Promise<void> {
  await close(begun, 'goes on');
  // While the disk refuses, the event waits in memory and goes with us: it is only a courtesy.
  void begun.engine.observe({ is: 'daemon_stopping', reason });
  await putAway(begun);
}

/** The same under a scheduler, where the trainers end too. It is journalled before: whoever finds them
 * ended knows then that they had not failed. */
export async function leave(begun: Begun, reason: string): Promise<void> {
  if (begun.ticker !== null) clearInterval(begun.ticker);
  const told = begun.engine.observe({ is: 'daemon_stopping', reason, trainers: 'end' });
  await Promise.race([told, after(TOLD_WITHIN_MS)]);
  await close(begun, 'ends');
  await putAway(begun);
}

/** Of a daemon that could not be started. */
export async function abandon(begun: Begun): Promise<void> {
  begun.teller?.withdraw();
  await close(begun, 'goes on');
  await begun.journal.close();
  await begun.log.close();
}

async function close(begun: Begun, trainer: 'goes on' | 'ends'): Promise<void> {
  if (begun.ticker !== null) clearInterval(begun.ticker);
  begun.gpus.close();
  await begun.http?.close();
  await Promise.all([begun.mail?.close(), begun.edges.close(trainer)]);
}

async function putAway({ journal, log, teller }: Begun): Promise<void> {
  const { unwritten } = await journal.close();
  if (unwritten > 0) log.error(`${unwritten} journal entries could not be written before the end`);
  teller?.withdraw();
}

const after = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms).unref());
