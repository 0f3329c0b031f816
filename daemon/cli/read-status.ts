import { homePaths } from '../../config/index.js';
import {
  type Entry,
  initialState,
  reduce,
  type State,
  type Status,
  statusOf,
} from '../core/index.js';
import { readJournal } from '../journal/index.js';
import { findClient } from './client.js';

/**
 * The status of a home: from its daemon, or where none is alive from its journal, `daemon` null.
 * @param now Unix seconds.
 */
export async function readStatus(home: string, now = Date.now() / 1000): Promise<Status> {
  const client = findClient(home);
  if (client !== null) return client.status();
  return statusOf(await readState(home), now, false);
}

/** The fold over the journal. Never writes. */
export async function readState(home: string): Promise<State> {
  const { state } = await readJournal<Entry, State>({
    dir: homePaths(home).state,
    initial: initialState,
    apply: reduce,
  });
  return state;
}
