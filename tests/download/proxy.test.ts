import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { noise, whole } from '../hub/index.js';
import { Place } from './place.js';

const CONTENT = noise(9_000_000);
let place: Place;
let proxy: Server;
const passed: string[] = [];
afterEach(async () => {
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  await place.close();
});

/** A forward proxy as RFC 9112 3.2.2 has it: the request line bears the whole address. */
async function startProxy(): Promise<string> {
  proxy = createServer((incoming, answer) => {
    passed.push(`${incoming.headers['proxy-authorization']} ${incoming.url}`);
    const onward = request(incoming.url!, { method: incoming.method!, headers: incoming.headers });
    onward.on('response', (message) => {
      answer.writeHead(message.statusCode ?? 0, message.headers);
      message.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

test('everything goes through the proxy that the environment names, to both origins', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT });
  const at = await startProxy();
  place.env['http_proxy'] = `http://us%40er:pass@${at}`;
  expect(await place.get()).toEqual([]);
  expect(place.read('models/m/m.safetensors').equals(whole(CONTENT))).toBe(true);
  const pass = `Basic ${Buffer.from('us@er:pass').toString('base64')}`;
  expect(passed.every((line) => line.startsWith(`${pass} http://127.0.0.1:`))).toBe(true);
  // Every request that either origin saw came this way.
  expect(passed).toHaveLength(place.hub.seen.length + place.hub.cdn.requests);
});
