import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { type HttpOptions, type HttpServer, startHttp } from '../../../daemon/http/index.js';
import { SmallEngine } from './night.js';

export interface Served {
  readonly server: HttpServer;
  readonly engine: SmallEngine;
  readonly tokenFile: string;
  readonly logged: { message: string; fields: Readonly<Record<string, unknown>> | undefined }[];
  get(path: string, init?: RequestInit): Promise<Response>;
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** Starts servers on free ports and closes them after each test. The engine's clock stands at 1 s. */
export function serving(): (options?: Partial<HttpOptions>) => Promise<Served> {
  const cleanups: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });
  return async (options = {}) => {
    const dir = await mkdtemp(join(tmpdir(), 'nightwarden-http-'));
    cleanups.push(() => rm(dir, { recursive: true, force: true }));
    const logged: Served['logged'] = [];
    const note = (message: string, fields?: Readonly<Record<string, unknown>>) =>
      void logged.push({ message, fields });
    const engine = new SmallEngine();
    const tokenFile = join(dir, 'state', 'api-token');
    const server = await startHttp({
      engine,
      host: '127.0.0.1',
      port: 0,
      tokenFile,
      version: '1.2.3',
      queueJob: async () => ({ ok: true, name: 'queued' }),
      followUp: async () => ({ ok: true }),
      shutdown: () => undefined,
      ready: () => true,
      logger: { error: note, warn: note },
      loop: () => 1000,
      wall: () => 1100,
      ...options,
    });
    cleanups.push(() => server.close());
    return {
      server,
      engine,
      tokenFile,
      logged,
      get: (path, init) => fetch(server.url + path, init),
      post: (path, body, headers = {}) =>
        fetch(server.url + path, {
          method: 'POST',
          headers,
          ...(body === undefined
            ? {}
            : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
        }),
    };
  };
}

/** fetch() sets Host and Origin itself, so requests with odd ones go over node:http. */
export function knock(
  url: string,
  headers: Record<string, string>,
  method = 'GET',
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (answer) => {
      let body = '';
      answer.setEncoding('utf8').on('data', (part) => {
        body += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
    });
    sent.on('error', reject).end();
  });
}
