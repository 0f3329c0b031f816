import { ConfigError, loadModels } from '../../../config/index.js';
import { download } from './download.js';
import { mayPass } from './errors.js';
import type { DownloadEvent } from './events.js';
import type { DownloadSettings } from './session.js';

/** What a daemon tells the process that downloads for it, once. */
export interface Work {
  readonly home: string;
  readonly models: readonly string[];
  readonly cache: boolean;
  readonly replace: boolean;
  readonly settings: DownloadSettings;
}

/** What that process says. */
export type Said =
  | { readonly is: 'events'; readonly events: readonly DownloadEvent[] }
  /** Over; without a reason when all is there. */
  | { readonly is: 'over'; readonly refused: Refused | null };

export interface Refused {
  readonly reason: string;
  readonly remedy: string;
  /** The network, or the other side, was away for longer than our patience. */
  readonly away?: true;
}

const TELL_MS = 100;

/** A process of its own: neither its memory nor its work shows in the daemon, and it goes with it. */
async function work({ home, models, settings, cache, replace }: Work): Promise<void> {
  let events: DownloadEvent[] = [];
  const tell = () => {
    if (events.length > 0) say({ is: 'events', events });
    events = [];
  };
  const timer = setInterval(tell, TELL_MS);
  let refused: Refused | null = null;
  try {
    const failures = await download({
      models: loadModels(home).chosen(models),
      home,
      env: process.env,
      settings,
      cache,
      replace,
      report: (event) => {
        const last = events.at(-1);
        // One number for all bytes of a file between two tellings.
        if (event.type === 'bytes' && last?.type === 'bytes' && last.file === event.file)
          events[events.length - 1] = { ...event, bytes: event.bytes + last.bytes };
        else events.push(event);
      },
      signal: new AbortController().signal,
    });
    // What a person has to mend is told before what passes by itself.
    const first = failures.find(({ error }) => !mayPass(error.kind)) ?? failures[0];
    if (first !== undefined) {
      const { message, remedy } = first.error;
      const more = failures.length > 1 ? ` (and ${failures.length - 1} more)` : '';
      const away = failures.every(({ error }) => mayPass(error.kind));
      refused = { reason: `${message}${more}`, remedy, ...(away ? { away } : {}) };
    }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    refused = { reason: error.message, remedy: 'Correct models.yaml.' };
  } finally {
    clearInterval(timer);
  }
  tell();
  process.send?.({ is: 'over', refused } satisfies Said, () => process.disconnect());
}

const say = (said: Said): void => void process.send?.(said);

// Whatever is under way: what is on disk is journalled, and the next one goes on with it.
process.on('disconnect', () => process.exit());
process.once('message', (given: Work) => {
  work(given).catch((error: Error) => {
    process.stderr.write(`${error.stack ?? error.message}\n`);
    process.exit(1);
  });
});
