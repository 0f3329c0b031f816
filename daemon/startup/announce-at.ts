import { processIdentity } from '../journal/index.js';
import type { Log } from '../log/index.js';
import { announce, type Teller } from './announcement.js';
import { version } from './version.js';

/** Writes down where the commands find this daemon. `started`: Unix seconds. */
export function announceAt(
  { port, url }: { readonly port: number; readonly url: string },
  state: string,
  started: number,
  log: Log,
): Teller {
  const said = { ...processIdentity(), port, url, version: version(), started };
  return announce(state, said, (trouble) => {
    if (trouble === null) return log.info('state/daemon.json is written now');
    log.error(
      `state/daemon.json cannot be written (${trouble.message}): the commands will not find this daemon until it can`,
    );
  });
}
