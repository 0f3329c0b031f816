import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { proxyFor } from './proxy.js';

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
  close(): void;
}

/** @param connections how many to one origin at a time; more wait. */
export function openTransport(env: NodeJS.ProcessEnv, connections: number): Transport {
  const options = { keepAlive: true, maxSockets: connections, scheduling: 'lifo' } as const;
  const plain = new http.Agent(options);
  const secure = new https.Agent(options);
  const proxies = new Map<string, HttpsProxyAgent<string>>();

  const through = (proxy: string): HttpsProxyAgent<string> => {
    const agent = proxies.get(proxy) ?? new HttpsProxyAgent(proxy, options);
    proxies.set(proxy, agent);
    return agent;
  };

  const start = (url: URL, { method = 'GET', headers = {}, signal }: Outgoing) => {
    const sent = { 'user-agent': 'nightwarden', ...headers };
    const proxy = proxyFor(url, env);
    if (url.protocol === 'https:') {
      const agent = proxy === null ? secure : through(proxy);
      return https.request(url, { method, headers: sent, agent, signal });
    }
    if (proxy === null) return http.request(url, { method, headers: sent, agent: plain, signal });
    // Plain HTTP is asked of the proxy by its whole address; tunnels to port 80 are often refused.
    const { hostname, port, username, password } = new URL(proxy);
    const pass = Buffer.from(
      `${decodeURIComponent(username)}:${decodeURIComponent(password)}`,
    ).toString('base64');
    const path = url.href;
    const by = username === '' ? {} : { 'proxy-authorization': `Basic ${pass}` };
    return http.request({
      hostname,
      port: port || 80,
      path,
      method,
      headers: { host: url.host, ...sent, ...by },
      agent: plain,
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
    close() {
      plain.destroy();
      secure.destroy();
      for (const agent of proxies.values()) agent.destroy();
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
