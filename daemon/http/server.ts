import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { type Door, isLoopback } from './access.js';
import { makeApp } from './app.js';
import { listenError } from './errors.js';
import { startMetrics } from './metrics/index.js';
import type { HttpOptions, HttpServer } from './surface.js';
import { apiToken } from './token.js';

const CLOSE_MS = 2000;

/**
 * Starts the daemon's HTTP side: metrics, health, control. Throws PortTaken, CannotListen, and
 * TokenUnusable where a token is needed and none is to be had.
 */
export async function startHttp(options: HttpOptions): Promise<HttpServer> {
  const { host, logger } = options;
  const door = await openDoor(options);
  const metrics = startMetrics(options);
  const app = makeApp(options, door, metrics);
  const server = createAdaptorServer({
    fetch: app.fetch,
    // Ours is not the only code in this process that uses the global Request and Response.
    overrideGlobalObjects: false,
    serverOptions: { headersTimeout: 10_000, requestTimeout: 30_000 },
  }) as Server;
  // Each connection holds a descriptor, and the daemon needs some for what matters more.
  server.maxConnections = 128;
  try {
    await listen(server, host, options.port);
  } catch (error) {
    metrics.stop();
    throw error;
  }
  server.on('error', (error) => logger.error('the HTTP server reports an error', { error }));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${reachable(host)}:${port}`,
    metrics,
    async close() {
      metrics.stop();
      await closeServer(server);
    },
  };
}

/** On loopback the token is a convenience, and a disk that refuses one must not keep the daemon from
 * watching over a training. */
async function openDoor({ host, tokenFile, logger }: HttpOptions): Promise<Door> {
  const loopback = isLoopback(host);
  try {
    return { loopback, token: await apiToken(tokenFile), tokenFile };
  } catch (error) {
    if (!loopback) throw error;
    logger.warn('going on without an API token, which loopback does not need', { error });
    return { loopback, token: null, tokenFile };
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(listenError(host, port, error));
    server.once('error', failed);
    server.listen(port, bare(host), () => {
      server.off('error', failed);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const limit = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
    server.close(() => {
      clearTimeout(limit);
      resolve();
    });
    server.closeIdleConnections();
  });
}

function bare(host: string): string {
  return host.replace(/^\[(.*)\]$/, '$1');
}

function reachable(host: string): string {
  const name = bare(host);
  if (name === '0.0.0.0') return '127.0.0.1';
  if (name === '::') return '[::1]';
  return name.includes(':') ? `[${name}]` : name;
}
