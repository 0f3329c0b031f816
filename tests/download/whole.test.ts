import { afterEach, expect, test } from '@jest/globals';
import { bytes, noise, whole } from '../hub/index.js';
import { MIB, Place } from './place.js';

let place: Place;
afterEach(() => place.close());

const SIZE = 41 * MIB + 12_345;

test('a large file arrives whole, in pieces, and nothing is left beside it', async () => {
  place = await Place.open({ 'm.safetensors': noise(SIZE) });
  expect(await place.get()).toEqual([]);
  expect(place.read('models/m/m.safetensors').equals(whole(noise(SIZE)))).toBe(true);
  expect(place.list('models/m')).toEqual(['m.safetensors']);
  expect(place.hub.cdn.total).toBe(SIZE);
  expect(place.hub.cdn.requests).toBeGreaterThan(5);
  expect(place.hub.seen.every(({ authorized }) => !authorized)).toBe(true);
});

test.each([0, 1, 4 * MIB, 4 * MIB + 1])('a file of %i bytes', async (size) => {
  place = await Place.open({ 'm.safetensors': noise(size) });
  expect(await place.get()).toEqual([]);
  expect(place.read('models/m/m.safetensors').equals(whole(noise(size)))).toBe(true);
});

test('small text files, which the Hub keeps no SHA-256 of, are proved by their git hash', async () => {
  place = await Place.open({ 'config.json': bytes('{"a":1}'), 'x/vocab.json': bytes('[]') });
  place.models('m: { repo: me/model, snapshot: { include: ["*.json"] }, to: models/tok/ }');
  expect(await place.get()).toEqual([]);
  expect(place.list('models/tok')).toEqual(['config.json', 'x', 'x/vocab.json']);
  expect(place.read('models/tok/config.json').toString()).toBe('{"a":1}');
});

test('several files share the connections', async () => {
  place = await Place.open({ 'a.bin': noise(9 * MIB, 2), 'b.bin': noise(9 * MIB, 3) });
  place.models('m: { repo: me/model, files: [a.bin, b.bin] }');
  place.settings = { connections: 3 };
  place.hub.cdn.rate = 40 * MIB;
  expect(await place.get()).toEqual([]);
  expect(place.hub.cdn.mostAtOnce).toBe(3);
  expect(place.read('models/m/a.bin').equals(whole(noise(9 * MIB, 2)))).toBe(true);
  expect(place.read('models/m/b.bin').equals(whole(noise(9 * MIB, 3)))).toBe(true);
});
