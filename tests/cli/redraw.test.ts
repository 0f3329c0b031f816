import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LastLines, Lines } from '../../daemon/cli/redraw.js';

const whole = (text: string, raw = false) => {
  const lines = new Lines(raw);
  return [...lines.push(text), lines.rest()].join('');
};

describe('redrawn lines', () => {
  test('keep their last state', () => {
    expect(whole('\rsteps: 1%\rsteps: 2%\rsteps: 3%\ndone\n')).toBe('steps: 3%\ndone\n');
    expect(whole('a\r\nb\r\n')).toBe('a\nb\n');
    expect(whole('bar 1\rbar 2')).toBe('bar 2');
    expect(whole('bar 1\r')).toBe('bar 1');
  });

  test('are left alone when raw', () => {
    expect(whole('\r1%\r2%\n', true)).toBe('\r1%\r2%\n');
  });

  test('come out the same however the text was cut into pieces', () => {
    const text = fc.array(fc.constantFrom('a', 'bc', '\r', '\n', '\r\n', ' '), { maxLength: 40 });
    fc.assert(
      fc.property(text, fc.array(fc.nat(80), { maxLength: 8 }), (parts, cuts) => {
        const all = parts.join('');
        const lines = new Lines();
        let out = '';
        let from = 0;
        for (const cut of [...cuts.sort((a, b) => a - b), all.length]) {
          out += lines.push(all.slice(from, Math.max(from, cut))).join('');
          from = Math.max(from, cut);
        }
        expect(out + lines.rest()).toBe(whole(all));
      }),
    );
  });

  test('a bar of a whole night is held as one state, not as its history', () => {
    const lines = new Lines();
    for (let step = 0; step < 50_000; step++) expect(lines.push(`\rsteps: ${step}`)).toEqual([]);
    expect(lines.rest()).toBe('steps: 49999');
  });
});

test('the last lines of many, and how many went before', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.string(), { maxLength: 5 })),
      fc.integer({ min: 1, max: 9 }),
      (batches, limit) => {
        const last = new LastLines(limit);
        for (const batch of batches) last.add(batch);
        const all = batches.flat();
        expect(last.take()).toEqual(all.slice(-limit));
        expect(last.dropped).toBe(Math.max(0, all.length - limit));
      },
    ),
  );
  const many = new LastLines(2);
  for (let i = 0; i < 5000; i++) many.add([String(i)]);
  expect(many.take()).toEqual(['4998', '4999']);
  expect(many.dropped).toBe(4998);
});
