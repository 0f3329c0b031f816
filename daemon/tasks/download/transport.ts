import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { dial } from './dial.js';
import { authorizationOf, proxyFor } from './proxy.js';
import type { Taker, Wire } from './wire.js';

const AGENT = 'nightwarden';

export interface Outgoing {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
}

/** Requests over kept connections, through the proxy that the environment names. */
export interface Transport {
  /** Settles with the head of the answer, whatever its status. Redirects are not followed. */
  send(url: URL, request: Outgoing): Promise<IncomingMessage>;
  /** Fetches bytes, which `taker` is given as they come; settles after the last. */
  fetch(
    url: URL,
    headers: Readonly<Record<string, string>>,
    taker: Taker,
    signal: AbortSignal,
  ): Promise<void>;
  close(): void;
}

/** @param connections how many to one origin at a time; more wait. */
export function openTransport(env: NodeJS.ProcessEnv, connections: number): Transport {
  const options = { keepAlive: true, maxSockets: connections, scheduling: 'lifo' } as const;
  const plain = new http.Agent(options);
  const secure = new https.Agent(options);
  const proxies = new Map<string, HttpsProxyAgent<string>>();
  /** Connections for bytes, by origin: those that are free, and all. */
  const free = new Map<string, Wire[]>();
  const all = new Set<Wire>();

  const through = ({ href }: URL): HttpsProxyAgent<string> => {
    const agent = proxies.get(href) ?? new HttpsProxyAgent(href, options);
    proxies.set(href, agent);
    return agent;
  };

  const start = (url: URL, { method = 'GET', headers = {}, signal }: Outgoing) => {
    const sent = { 'user-agent': AGENT, ...headers };
    const proxy = proxyFor(url, env);
    if (url.protocol === 'https:') {
      const agent = proxy === null ? secure : through(proxy);
      return https.request(url, { method, headers: sent, agent, signal });
    }
    if (proxy === null) return http.request(url, { method, headers: sent, agent: plain, signal });
    // Plain HTTP is asked of the proxy by its whole address; tunnels to port 80 are often refused.
    const safe = proxy.protocol === 'https:';
    return (safe ? https : http).request({
      hostname: proxy.hostname,
      port: proxy.port,
      path: url.href,
      method,
      headers: { host: url.host, ...sent, ...authorizationOf(proxy) },
      agent: safe ? secure : plain,
      signal,
    });
  };

  return {
    send(url, request) {
      return new Promise((resolve, reject) => {
        const sending = start(url, request);
        sending.once('response', resolve);
        // Not once: a connection that breaks while the body comes fails here as well as there.
        sending.on('error', reject);
        sending.end(request.body);
      });
    },
    async fetch(url, headers, taker, signal) {
      const proxy = proxyFor(url, env);
      const idle = free.get(url.origin) ?? [];
      free.set(url.origin, idle);
      let wire = idle.pop();
      while (wire?.over) {
        all.delete(wire);
        wire = idle.pop();
      }
      wire ??= await dial(url, proxy, signal);
      all.add(wire);
      const byProxy = proxy !== null && url.protocol === 'http:';
      const lines = {
        host: url.host,
        'user-agent': AGENT,
        ...headers,
        ...(byProxy ? authorizationOf(proxy) : {}),
      };
      const head = Object.entries(lines).map(([name, value]) => `${name}: ${value}\r\n`);
      const target = byProxy ? url.origin + url.pathname + url.search : url.pathname + url.search;
      try {
        await wire.ask(`GET ${target} HTTP/1.1\r\n${head.join('')}\r\n`, taker, signal);
        if (!wire.over) idle.push(wire);
      } finally {
        if (wire.over) {
          wire.close();
          all.delete(wire);
        }
      }
    },
    close() {
      plain.destroy();
      secure.destroy();
      for (const agent of proxies.values()) agent.destroy();
      for (const wire of all) wire.close();
    },
  };
}

/** The whole body of a small answer. */
export async function bodyOf(message: IncomingMessage, limit = 64 * 2 ** 20): Promise<Buffer> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of message as AsyncIterable<Buffer>) {
    parts.push(part);
    length += part.length;
    if (length > limit) throw new Error(`an answer of more than ${limit} bytes`);
  }
  return Buffer.concat(parts);
}
