import { expect, test } from '@jest/globals';
import { addLoss, type Losses } from '../../daemon/core/losses.js';
import { bestInWords, bestOf } from '../../daemon/tasks/publish/best.js';

/** A hundred steps of each loss, one after the other. */
function losses(...levels: (number | null)[]): Losses | undefined {
  let all: Losses | undefined;
  levels.forEach((loss, i) => {
    for (let step = 1; step <= 100; step += 1) all = addLoss(all, i * 100 + step, loss);
  });
  return all;
}
const saved = (...steps: number[]) => steps.map((step) => ({ path: `/out/${step}`, step }));

test('the one up to which the loss was lowest, since the save before it', () => {
  const best = bestOf(saved(400, 100, 300, 200), losses(3, 2, 1, 2));
  expect(best).toMatchObject({ lora: { step: 300 }, after: 200, of: 4 });
  expect(best?.mean).toBeCloseTo(1, 9);
});

test('of equals the later', () => {
  expect(bestOf(saved(100, 200, 300), losses(2, 1, 1))?.lora.step).toBe(300);
});

test('the earliest that is left is not charged with the beginning of the run', () => {
  // Those of 100 and 200 were removed: over all 300 steps its mean would be 4.
  const best = bestOf(saved(300, 400), losses(8, 3, 1, 2));
  expect(best).toMatchObject({ lora: { step: 300 }, after: 200, of: 2 });
});

test('one of which no loss is known is not compared', () => {
  const best = bestOf(saved(100, 200, 300), losses(null, 2, 3));
  expect(best).toMatchObject({ lora: { step: 200 }, of: 2 });
  expect(bestOf(saved(100, 200, 900), losses(1, 2))?.of).toBe(2);
});

test('of several of one step the first that is named', () => {
  const final = { path: '/out/final', step: 200 };
  expect(bestOf([final, ...saved(200, 100)], losses(2, 1))?.lora).toBe(final);
});

test('nothing to compare: no losses, none saved, one alone', () => {
  expect(bestOf(saved(100, 200), undefined)).toBeNull();
  expect(bestOf([], losses(1))).toBeNull();
  expect(bestOf(saved(100), losses(1))).toBeNull();
  expect(bestOf(saved(100, 200), losses(null, 1))).toBeNull();
});

test('in words', () => {
  const lora = { path: '/out/a', step: 2000 };
  expect(bestInWords({ lora, mean: 0.08312, after: 1500, of: 4 }, '`a`')).toBe(
    'This is `a`: of the 4 saved LoRAs the one with the lowest mean loss, 0.0831 (steps 1501-2000); loss says little of how samples look.',
  );
});
