import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  count,
  duration,
  loss,
  pad,
  painter,
  percent,
  rate,
  relative,
  sparkline,
  steps,
  table,
  truncate,
  wantsColour,
  width,
} from '../../daemon/cli/format/index.js';

describe('durations', () => {
  test.each([
    [0, '0.0 s'],
    [-3, '0.0 s'],
    [9.94, '9.9 s'],
    [9.96, '10 s'],
    [59.4, '59 s'],
    [59.6, '1 min'],
    [185, '3 min 5 s'],
    [3599.6, '1 h'],
    [4320, '1 h 12 min'],
    [7199, '2 h'],
    [86_400 * 2 + 3600 * 3, '2 d 3 h'],
    [Number.NaN, '?'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  test('read back, they are within half of their smaller unit', () => {
    const units: Record<string, number> = { s: 1, min: 60, h: 3600, d: 86_400 };
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e7, noNaN: true }), (seconds) => {
        const words = duration(seconds).split(' ');
        let sum = 0;
        for (let i = 0; i < words.length; i += 2) sum += Number(words[i]) * units[words[i + 1]!]!;
        const limit = seconds < 9.95 ? 0.05 : seconds < 3599.5 ? 0.5 : seconds < 86_370 ? 30 : 1800;
        expect(Math.abs(sum - seconds)).toBeLessThanOrEqual(limit + 0.51);
        expect(words.length).toBeLessThanOrEqual(4);
        if (words.length === 4) expect(Number(words[2])).toBeLessThan(60);
      }),
    );
  });

  test('relative times look back and ahead', () => {
    expect(relative(100, 165)).toBe('1 min 5 s ago');
    expect(relative(120, 100)).toBe('in 20 s');
    expect(relative(100, 100.4)).toBe('just now');
  });
});

describe('numbers', () => {
  test('a rate turns round at one step a second', () => {
    expect(rate(1.8)).toBe('1.80 steps/s');
    expect(rate(123.4)).toBe('123 steps/s');
    expect(rate(0.5)).toBe('2.00 s/step');
    expect(rate(0.0001)).toBe('10000 s/step');
    expect(rate(0)).toBe('? steps/s');
  });

  test('100 % is said of a whole run only', () => {
    fc.assert(
      fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 1e6 }), (step, total) => {
        expect(percent(step, total) === '100 %').toBe(step >= total);
      }),
    );
    expect(percent(null, 10)).toBeNull();
    expect(percent(10, null)).toBeNull();
  });

  test('losses keep three digits, steps their total', () => {
    expect([0.08123, 12.345, 0, 1.23e-7, Number.NaN].map(loss)).toEqual([
      '0.0812',
      '12.3',
      '0.00',
      '1.2e-7',
      'NaN',
    ]);
    expect(steps(3, 10)).toBe('3/10');
    expect(steps(3, null)).toBe('3');
    expect(steps(null, null)).toBe('-');
    expect(count(1, 'step')).toBe('1 step');
    expect(count(2, 'step')).toBe('2 steps');
  });
});

describe('sparkline', () => {
  test('the lowest value is the lowest bar, the highest the highest', () => {
    expect(sparkline([3, 2, 1], 10)).toBe('█▅▁');
    expect(sparkline([1, Number.NaN, 2], 10)).toBe('▁ █');
    expect(sparkline([], 10)).toBe('');
    expect(sparkline([5, 5], 10)).toBe('▁▁');
  });

  test('never wider than asked for, whatever the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double(), { maxLength: 300 }),
        fc.integer({ min: 1, max: 40 }),
        (values, columns) => {
          expect(width(sparkline(values, columns))).toBe(Math.min(columns, values.length));
        },
      ),
    );
  });
});

describe('width', () => {
  test('counts columns, not characters', () => {
    expect(width('abc')).toBe(3);
    expect(width('\x1b[31mabc\x1b[39m')).toBe(3);
    expect(width('日本')).toBe(4);
    expect(width('e\u0301')).toBe(1);
    expect(pad('日', 4)).toBe('日  ');
    expect(pad('7', 3, 'right')).toBe('  7');
  });

  test('a cut text fits, and what fits is not cut', () => {
    const words = fc.array(fc.constantFrom('a', 'bc ', '日', '\x1b[31m', '\x1b[39m', 'é', '🙂'));
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 20 }), (parts, columns) => {
        const text = parts.join('');
        const cut = truncate(text, columns);
        expect(width(cut)).toBeLessThanOrEqual(columns);
        if (width(text) <= columns) expect(cut).toBe(text);
        else expect(cut).toContain('…');
      }),
    );
  });

  test('colours do not run on behind a cut', () => {
    expect(truncate('\x1b[31mabcdef\x1b[39m', 4)).toBe('\x1b[31mabc…\x1b[0m');
  });
});

test('a table lines up, and a line of its own widens no column', () => {
  const columns = [
    { title: 'JOB', side: 'left' },
    { title: 'STEP', side: 'right' },
  ] as const;
  const lines = table(columns, [['lora', '7'], '  a long line below it', ['x', '12345']]);
  expect(lines).toEqual(['JOB    STEP', 'lora      7', '  a long line below it', 'x     12345']);
});

test('NO_COLOR wins over everything, FORCE_COLOR over the stream', () => {
  expect(wantsColour({ NO_COLOR: '1', FORCE_COLOR: '1' }, true)).toBe(false);
  expect(wantsColour({ FORCE_COLOR: '1' }, false)).toBe(true);
  expect(wantsColour({ FORCE_COLOR: '0' }, true)).toBe(false);
  expect(wantsColour({ TERM: 'dumb' }, true)).toBe(false);
  expect(wantsColour({}, true)).toBe(true);
  expect(wantsColour({}, false)).toBe(false);
  expect(painter(false)('red', 'x')).toBe('x');
  expect(painter(true)('red', 'x')).toBe('\x1b[31mx\x1b[39m');
});
