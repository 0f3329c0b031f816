import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { describeConfig } from '../../config/index.js';
import { editDistance, nearestKeys } from '../../config/nearest.js';

const leaves = describeConfig().map(({ path }) => path);
const sections = leaves.flatMap((path) =>
  path.split('.').map((_, i, parts) => parts.slice(0, i + 1).join('.')),
);
const known = [...new Set(sections)];
const letter = fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz_');

/** A known key and one slip of the finger in its own name: drop, add, change or swap. */
const slips = fc
  .record({
    key: fc.constantFrom(...known),
    slip: fc.constantFrom('drop', 'add', 'change', 'swap'),
    at: fc.nat(),
    letter,
  })
  .map(({ key, slip, at, letter }) => {
    const cut = key.lastIndexOf('.') + 1;
    const name = key.slice(cut);
    const i = at % name.length;
    const made: Record<string, string> = {
      drop: name.slice(0, i) + name.slice(i + 1),
      add: name.slice(0, i) + letter + name.slice(i),
      change: name.slice(0, i) + letter + name.slice(i + 1),
      swap: name.slice(0, i) + (name[i + 1] ?? '') + name[i] + name.slice(i + 2),
    };
    return { key, given: key.slice(0, cut) + made[slip] };
  })
  .filter(({ given }) => !known.includes(given));

test('any single slip in any known key suggests that key', () => {
  fc.assert(
    fc.property(slips, ({ key, given }) => nearestKeys(given, known).includes(key)),
    { numRuns: 1000 },
  );
});

test('what resembles nothing suggests nothing', () => {
  expect(nearestKeys('qqqqqqqq', known)).toEqual([]);
  expect(nearestKeys('hang.qqqqqqqq', known)).toEqual([]);
});

test('a key of another section is named by its full path', () => {
  expect(nearestKeys('hang.verify_seconds', known)).toEqual(['kill.verify_seconds']);
  expect(nearestKeys('port', known)).toEqual(['http.port', 'mail.port']);
});

const words = fc.string({ unit: letter, maxLength: 8 });

test('the distance is 0 for equal words alone, symmetric, and at most the longer word', () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      const distance = editDistance(a, b);
      expect(distance === 0).toBe(a === b);
      expect(editDistance(b, a)).toBe(distance);
      expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
    }),
  );
});

test('a swap of neighbours is one edit', () => {
  expect(editDistance('prot', 'port')).toBe(1);
  expect(editDistance('kitten', 'sitting')).toBe(3);
});
