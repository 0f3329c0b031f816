import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Token } from './access.js';
import type { Cdn } from './cdn.js';
import type { Window } from './limits.js';
import type { HubFile, Repo } from './repos.js';

/** All that a hub knows; routes read and change it. */
export interface HubState {
  readonly repos: Map<string, Repo>;
  readonly tokens: Map<string, Token>;
  readonly cdn: Cdn;
  /** Entries on a page of a tree. */
  pageSize?: number;
  /** Counts requests to the Hub itself and refuses those beyond it. */
  window: Window | null;
  /** Addresses given out. */
  resolved: number;
  /** Another ETag than the file's own in redirects, where a test wants one. */
  linkedEtag?: (file: HubFile) => string;
  /** Every request to the Hub, oldest first. */
  readonly seen: { method: string; path: string; authorized: boolean }[];
}

/** Answers a request and settles with true, or leaves it alone and settles with false. */
export type Route = (
  hub: HubState,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
) => Promise<boolean>;
