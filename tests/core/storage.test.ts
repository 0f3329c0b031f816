import { expect, test } from '@jest/globals';
import { waitsForStorage } from '../../daemon/core/index.js';

const signs = (over: Partial<Parameters<typeof waitsForStorage>[0]> = {}) =>
  waitsForStorage({ waits: false, reading_seconds: 0, volume: { is: 'unknown' }, ...over });

test('a volume that stalls is waited for, whatever its users look like', () => {
  expect(signs({ volume: { is: 'stalls', seconds: 2 } })).toBe(true);
  expect(signs({ volume: { is: 'answers', seconds: 2 } })).toBe(false);
  expect(signs({ reading_seconds: 1.5 })).toBe(true);
  expect(signs({ reading_seconds: 0.5 })).toBe(false);
});

test('state D is believed, until the volume has long answered', () => {
  expect(signs()).toBe(false);
  expect(signs({ waits: true })).toBe(true);
  expect(signs({ waits: true, volume: { is: 'answers', seconds: 30 } })).toBe(true);
  expect(signs({ waits: true, volume: { is: 'answers', seconds: 61 } })).toBe(false);
});
