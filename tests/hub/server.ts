import { createServer, type RequestListener } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { refuse } from './answers.js';
import { apiRoute } from './api.js';
import { Cdn } from './cdn.js';
import type { HubState, Route } from './hub.js';
import { resolveRoute } from './resolve.js';

/** A certificate and its key, in PEM: with them a hub speaks HTTPS. */
export interface Identity {
  readonly key: string;
  readonly cert: string;
}

export interface Hub extends HubState {
  /** What HF_ENDPOINT is set to. */
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A Hugging Face Hub on this machine, for as much of it as a download needs; `routes` are asked
 * first and add the rest. Its files come from another origin (another port), as the real one's do.
 */
export async function startHub(
  routes: readonly Route[] = [],
  identity: Identity | null = null,
): Promise<Hub> {
  const cdn = new Cdn();
  const all = [...routes, apiRoute, resolveRoute];
  const hub = await listen(async (request, response) => {
    const url = new URL(request.url ?? '/', state.url);
    const authorized = request.headers.authorization !== undefined;
    state.seen.push({ method: request.method ?? '', path: url.pathname, authorized });
    if (state.window?.refuses(response)) return;
    for (const route of all) if (await route(state, request, response, url)) return;
    refuse(response, { status: 404, message: `no such page: ${request.method} ${url.pathname}` });
  }, identity);
  const files = await listen(
    (request, response) => cdn.answer(request, response, new URL(request.url ?? '/', cdn.origin)),
    identity,
  );
  cdn.origin = files.url;
  const state: Hub = {
    url: hub.url,
    repos: new Map(),
    tokens: new Map(),
    cdn,
    window: null,
    resolved: 0,
    seen: [],
    close: async () => void (await Promise.all([hub.close(), files.close()])),
  };
  return state;
}

type Handler = (...args: Parameters<RequestListener>) => Promise<void>;

async function listen(handler: Handler, identity: Identity | null) {
  const listener: RequestListener = (request, response) => {
    handler(request, response).catch((error: Error) => {
      // A fault of the test's own making must not look like one of the network.
      console.error('the loopback hub failed:', error);
      response.destroy();
    });
  };
  const server =
    identity === null ? createServer(listener) : createSecureServer(identity, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    // A certificate is for a name.
    url: identity === null ? `http://127.0.0.1:${port}` : `https://localhost:${port}`,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
