import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

export interface LoopbackProxy {
  /** `host:port`. */
  readonly at: string;
  /** One line for each request: who asked, and for what. */
  readonly passed: string[];
  /** Answers every CONNECT with this status, where it is set. */
  refuses: number | null;
  close(): Promise<void>;
}

/** A forward proxy: whole addresses in the request line (RFC 9112 3.2.2), and tunnels (CONNECT). */
export async function startProxy(): Promise<LoopbackProxy> {
  const tunnels = new Set<Socket>();
  const passed: string[] = [];
  const server = createServer((incoming, answer) => {
    passed.push(`${incoming.headers['proxy-authorization']} ${incoming.url}`);
    const onward = request(incoming.url!, { method: incoming.method!, headers: incoming.headers });
    onward.on('response', (message) => {
      answer.writeHead(message.statusCode ?? 0, message.headers);
      message.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  server.on('connect', (incoming, client: Socket, head) => {
    passed.push(`${incoming.headers['proxy-authorization']} ${incoming.method} ${incoming.url}`);
    if (proxy.refuses !== null) {
      client.end(`HTTP/1.1 ${proxy.refuses} No\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    const [host = '', port = ''] = (incoming.url ?? '').split(':');
    const onward = connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.write(head);
      onward.pipe(client).pipe(onward);
    });
    for (const socket of [client, onward]) {
      tunnels.add(socket);
      socket.on('error', () => {}); // the other end went first
      socket.on('close', () => {
        client.destroy();
        onward.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: LoopbackProxy = {
    at: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed,
    refuses: null,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of tunnels) socket.destroy();
      }),
  };
  return proxy;
}
