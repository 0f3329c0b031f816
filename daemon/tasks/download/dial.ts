import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { connect, isIP, type Socket } from 'node:net';
import tls from 'node:tls';
import { authorizationOf } from './proxy.js';
import { Wire } from './wire.js';

/** Larger reads than Node's 64 KiB into memory of our own. One for all connections: what is read is
 * taken before the next read. */
const buffer = Buffer.allocUnsafeSlow(1 << 18);

/** Connects to a server, through a proxy where there is one. @throws the signal's reason */
export async function dial(url: URL, proxy: URL | null, signal: AbortSignal): Promise<Wire> {
  const secure = url.protocol === 'https:';
  const tunnel = secure && proxy !== null ? await tunnelTo(url, proxy, signal) : null;
  const peer = secure ? url : (proxy ?? url);
  let wire: Wire | null = null;
  const callback = (bytes: number): boolean => {
    wire?.receive(buffer.subarray(0, bytes));
    return true;
  };
  const socket = tunnel === null ? open(peer, { buffer, callback }) : within(tunnel, url);
  wire = new Wire(socket);
  // Where the bytes come out of a tunnel, Node has no use for a buffer of ours.
  if (tunnel !== null) socket.on('data', (piece: Buffer) => wire?.receive(piece));
  try {
    await once(socket, peer.protocol === 'https:' ? 'secureConnect' : 'connect', { signal });
    return wire;
  } catch (error) {
    wire.close();
    throw error;
  }
}

const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[|\]$/g, '');
const portOf = ({ port, protocol }: URL): number =>
  Number(port) || (protocol === 'https:' ? 443 : 80);

function named(url: URL) {
  const host = hostOf(url);
  // A name of a server is no address (RFC 6066 3).
  return { ...(isIP(host) === 0 ? { servername: host } : { host }), ALPNProtocols: ['http/1.1'] };
}

function open(url: URL, onread: { buffer: Buffer; callback: (bytes: number) => boolean }): Socket {
  const to = { host: hostOf(url), port: portOf(url), noDelay: true, onread };
  return url.protocol === 'https:' ? tls.connect({ ...named(url), ...to }) : connect(to);
}

const within = (socket: Socket, url: URL): Socket => tls.connect({ ...named(url), socket });

async function tunnelTo(url: URL, proxy: URL, signal: AbortSignal): Promise<Socket> {
  const path = `${url.hostname}:${portOf(url)}`;
  const { request } = proxy.protocol === 'https:' ? https : http;
  const asking = request({
    host: hostOf(proxy),
    port: portOf(proxy),
    method: 'CONNECT',
    path,
    headers: { host: path, ...authorizationOf(proxy) },
    agent: false,
    signal,
  });
  asking.end();
  return new Promise((resolve, reject) => {
    asking.once('error', reject);
    asking.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) return resolve(socket as Socket);
      socket.destroy();
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode} to CONNECT`));
    });
    // An answer with a body of its own, as some proxies refuse.
    asking.once('response', ({ statusCode }) => {
      asking.destroy();
      reject(new Error(`the proxy ${proxy.host} answered ${statusCode} to CONNECT`));
    });
  });
}
