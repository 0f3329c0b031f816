import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { meanLoss } from '../../daemon/core/index.js';
import { addLoss, type Losses } from '../../daemon/core/losses.js';
import { Night } from './night.js';

const told = (list: readonly (readonly [step: number, loss: number | null])[]): Losses =>
  list.reduce<Losses | undefined>((all, [step, loss]) => addLoss(all, step, loss), undefined) ?? {
    width: 1,
    last: 0,
    bins: [],
  };
const steps = (from: number, to: number, loss: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => [from + i, loss] as const);

describe('the losses of a run by its steps', () => {
  test('a mean over the steps between two saves, exact while a bin is a step', () => {
    const losses = told([...steps(1, 10, 0.5), ...steps(11, 20, 0.25), [21, 4]]);
    expect(meanLoss(losses, 0, 10)).toBe(0.5);
    expect(meanLoss(losses, 10, 20)).toBe(0.25);
    expect(meanLoss(losses, 19, 21)).toBeCloseTo((0.25 + 4) / 2, 12);
    expect(meanLoss(losses, 21, 30)).toBeNull();
  });

  test('only finite ones, and only those that were told', () => {
    const losses = told([
      [1, 1],
      [2, null],
      [3, Number.NaN],
      [4, Number.POSITIVE_INFINITY],
      [5, 3],
    ]);
    expect(meanLoss(losses, 0, 5)).toBe(2);
    expect(meanLoss(losses, 1, 4)).toBeNull();
  });

  test('a resume that goes back takes the place of what was beyond it', () => {
    const losses = told([...steps(1, 20, 9), ...steps(11, 15, 1)]);
    expect(meanLoss(losses, 0, 10)).toBe(9);
    expect(meanLoss(losses, 10, 15)).toBe(1);
    expect(meanLoss(losses, 15, 20)).toBeNull();
  });

  test('a long run is kept in a bounded list, and its means stay right to the width of a bin', () => {
    const losses = told([...steps(1, 20_000, 2), ...steps(20_001, 40_000, 1)]);
    expect(losses.bins.length).toBeLessThanOrEqual(256);
    expect(losses.width).toBeLessThanOrEqual(256);
    expect(meanLoss(losses, 0, 19_000)).toBeCloseTo(2, 9);
    expect(meanLoss(losses, 21_000, 40_000)).toBeCloseTo(1, 9);
  });

  test('whatever is told: bounded, in order, finite', () => {
    const step = fc.integer({ min: 0, max: 1e9 });
    const loss = fc.oneof(fc.double(), fc.constant(null));
    fc.assert(
      fc.property(fc.array(fc.tuple(step, loss), { maxLength: 600 }), (list) => {
        const { bins, width } = told(list.toSorted(([a], [b]) => a - b));
        expect(bins.length).toBeLessThanOrEqual(256);
        expect(bins.every(([, , mean]) => Number.isFinite(mean))).toBe(true);
        expect(bins.every(([bin], i) => i === 0 || bin > (bins[i - 1]?.[0] ?? 0))).toBe(true);
        const finite = list.filter(([, at]) => at !== null && Number.isFinite(at));
        expect(bins.reduce((sum, [, n]) => sum + n, 0)).toBe(finite.length);
        expect(Math.log2(width) % 1).toBe(0);
      }),
      { numRuns: 50 },
    );
  });

  test('the journal alone gives them back', () => {
    const night = new Night().start();
    for (let step = 1; step <= 5; step += 1) night.skip(1.5).beat({ step, loss: step / 10 });
    expect(night.job.losses).toMatchObject({ last: 5, width: 1 });
    expect(night.rebuilt()).toEqual(night.core.state);
  });
});
