import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { formatBytes, parseBytes } from '../../config/index.js';

test.each([
  [0, 0],
  [1024, 1024],
  ['1024', 1024],
  ['64MiB', 64 * 2 ** 20],
  ['2GB', 2e9],
  ['2 gb', 2e9],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['512 KB', 512_000],
  ['3TiB', 3 * 2 ** 40],
  ['100B', 100],
])('%p is %d bytes', (given, bytes) => {
  expect(parseBytes(given)).toBe(bytes);
});

test.each([
  ['64M', -1, 1.5, '', 'MiB', '-3MB', '1e3', '5 bytes', null, true, Number.NaN, '99999999TiB'],
])('%p is no size', (...given) => {
  for (const one of given) expect(parseBytes(one)).toBeNull();
});

test('a size shown and read again is the same size', () => {
  fc.assert(
    fc.property(fc.nat({ max: 4096 }), fc.nat({ max: 4 }), (n, power) => {
      const bytes = n * 1024 ** power;
      expect(parseBytes(formatBytes(bytes))).toBe(bytes);
    }),
  );
});

test('sizes are shown in the largest unit that fits exactly', () => {
  expect([1000, 1024, 10 * 2 ** 20, 2 ** 30].map(formatBytes)).toEqual([
    '1000',
    '1KiB',
    '10MiB',
    '1GiB',
  ]);
});
