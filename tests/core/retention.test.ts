import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { evidenceToRemove } from '../../daemon/core/index.js';

const sets = (...bytes: number[]) => bytes.map((size, i) => ({ attempt: i + 1, bytes: size }));
const gone = (...args: Parameters<typeof evidenceToRemove>) =>
  evidenceToRemove(...args).map(({ attempt }) => attempt);

test('the newest are kept, as far as there is room', () => {
  expect(gone(sets(1, 1, 1), 3, 100)).toEqual([]);
  expect(gone(sets(1, 1, 1, 1), 2, 100)).toEqual([1, 2]);
  expect(gone(sets(9, 1, 6, 4), 10, 10)).toEqual([1, 2]);
  // The order in which a folder lists them means nothing.
  expect(gone(sets(1, 1, 1).reverse(), 1, 100)).toEqual([1, 2]);
});

test('the last one stays, however large it is', () => {
  expect(gone(sets(1, 1000), 10, 10)).toEqual([1]);
  expect(gone(sets(1000), 1, 10)).toEqual([]);
  expect(gone([], 1, 10)).toEqual([]);
});

test('what is kept is an unbroken row up to the last, within both limits', () => {
  const bytes = fc.array(fc.nat(50), { maxLength: 30 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 1, max: 12 }), fc.nat(300), (sizes, keep, max) => {
      const all = sets(...sizes);
      const removed = evidenceToRemove(all, keep, max);
      expect(removed).toEqual(all.slice(0, removed.length));
      const kept = all.slice(removed.length);
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(1, all.length));
      expect(kept.length).toBeLessThanOrEqual(keep);
      const sum = kept.reduce((total, { bytes: size }) => total + size, 0);
      if (kept.length > 1) expect(sum).toBeLessThanOrEqual(max);
      // No more is removed than has to be.
      const next = removed.at(-1);
      if (next !== undefined && kept.length < keep) expect(sum + next.bytes).toBeGreaterThan(max);
    }),
  );
});
