import { afterEach, expect, test } from '@jest/globals';
import { noise, whole } from '../hub/index.js';
import { Place } from './place.js';
import { type LoopbackProxy, startProxy } from './proxy-server.js';

const CONTENT = noise(9_000_000);
let place: Place;
let proxy: LoopbackProxy;
afterEach(async () => {
  await proxy.close();
  await place.close();
});

test('everything goes through the proxy that the environment names, to both origins', async () => {
  place = await Place.open({ 'm.safetensors': CONTENT });
  proxy = await startProxy();
  place.env['http_proxy'] = `http://us%40er:pass@${proxy.at}`;
  expect(await place.get()).toEqual([]);
  expect(place.read('models/m/m.safetensors').equals(whole(CONTENT))).toBe(true);
  const pass = `Basic ${Buffer.from('us@er:pass').toString('base64')}`;
  expect(proxy.passed.every((line) => line.startsWith(`${pass} http://127.0.0.1:`))).toBe(true);
  // Every request that either origin saw came this way.
  expect(proxy.passed).toHaveLength(place.hub.seen.length + place.hub.cdn.requests);
});
