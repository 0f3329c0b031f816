import { setTimeout as delay, setImmediate as nextTurn } from 'node:timers/promises';
import { Cannot } from '../cannot.js';

const TRIES = 4;
const FIRST_MS = 1000;
/** A longer wait that the Hub asks for is the whole task's, not one request's. */
const LONGEST_WAIT_MS = 30_000;
const TIMEOUT_MS = 60_000;
/** The slowest upload that is still one, bytes a millisecond. */
const SLOWEST = 50;
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

export interface HubFetch {
  readonly signal: AbortSignal;
  readonly fetch?: typeof fetch;
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>;
  /** From 0 up to 1. */
  readonly random?: () => number;
}

/**
 * A fetch for the Hub's client, which retries nothing itself: a request that fails in passing is made
 * again after a wait that doubles, with jitter, or that the Hub asks for; every request has its time.
 * A commit is sent once: whether it was made is looked up before another. Throws Cannot when the Hub
 * asks for a longer wait.
 */
export function hubFetch(how: HubFetch): typeof fetch {
  const { signal, random = Math.random } = how;
  const ask = how.fetch ?? fetch;
  const sleep = how.sleep ?? ((ms, until) => delay(ms, undefined, { signal: until }));
  const tryOn = async (...[input, init = {}]: Parameters<typeof fetch>): Promise<Response> => {
    const url = String(input instanceof Request ? input.url : input);
    const once = init.method === 'POST' && /\/commit\/[^/]+$/.test(new URL(url).pathname);
    for (let tried = 1; ; tried += 1) {
      const last = tried >= TRIES;
      const backoff = FIRST_MS * 2 ** (tried - 1) * (0.5 + random());
      let wait = backoff;
      try {
        const response = await ask(input, {
          ...init,
          ...streamed(init),
          signal: bounded(init, signal),
        });
        if (!PASSING.has(response.status)) return response;
        const asked = response.status === 429 ? askedFor(response.headers) : null;
        if (asked !== null && asked * 1000 > LONGEST_WAIT_MS) throw tooMany(asked);
        if (last || (once && response.status !== 429)) return response;
        wait = asked === null ? backoff : asked * 1000 + 500 * random();
        await response.body?.cancel();
      } catch (error) {
        signal.throwIfAborted();
        if (error instanceof Cannot || last || once || init.signal?.aborted) throw error;
      }
      await sleep(wait, signal);
    }
  };
  return async (...request) => {
    try {
      return await tryOn(...request);
    } catch (error) {
      // Version 2.17 of the client loses an error that comes in the same turn as its own progress
      // (utils/eventToGenerator): it then waits for ever, or leaves a rejection that nobody handles.
      await nextTurn();
      throw error;
    }
  };
}

/** The longest that a commit of so many bytes may take with every try it has, in milliseconds. */
export const longestCommit = (bytes: number): number =>
  TRIES * (10 * TIMEOUT_MS + Math.ceil(bytes / SLOWEST));

/** Node's fetch keeps a second copy of a body that it sends, to send it again after a redirect
 * (undici, httpNetworkOrCacheFetch), unless there can be neither a window nor a redirect. Storage
 * redirects no upload, and a gibibyte has no place in the daemon's memory. */
function streamed({ body }: RequestInit): object {
  return body instanceof Blob ? { window: null, redirect: 'error' } : {};
}

function bounded({ body, signal: own }: RequestInit, signal: AbortSignal): AbortSignal {
  const size = body instanceof Blob ? body.size : 0;
  const timeout = AbortSignal.timeout(TIMEOUT_MS + Math.ceil(size / SLOWEST));
  return AbortSignal.any([signal, timeout, ...(own ? [own] : [])]);
}

/** Seconds: `RateLimit: "api";r=0;t=55` (the Hub's own), else Retry-After; null without either. */
export function askedFor(headers: Headers): number | null {
  const window = /;\s*t=(\d+)/.exec(headers.get('ratelimit') ?? '')?.[1];
  const after = window ?? headers.get('retry-after');
  if (after === null || after === undefined) return null;
  if (/^\d+$/.test(after)) return Number(after);
  const at = Date.parse(after);
  return Number.isNaN(at) ? null : Math.max(0, (at - Date.now()) / 1000);
}

function tooMany(seconds: number): Cannot {
  const reason = `the Hub has had too many requests and asks to wait ${Math.ceil(seconds)} s`;
  return new Cannot(reason, '', false, seconds);
}
