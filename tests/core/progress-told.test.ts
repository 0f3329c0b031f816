import { expect, test } from '@jest/globals';
import { Night } from './night.js';

const last = (night: Night) => night.of('progress').at(-1);

test('a step is told with its loss, though the loss comes after the step and is journalled later', () => {
  const night = new Night().start().steps(2, 1);
  // A bar is drawn with the new step, and again with its loss; the next event is due at a tick.
  night.skip(0.1).beat({ step: 3 });
  night.skip(0.1).beat({ step: 3, loss: 0.25, total: 40, epoch: 2 });
  night.pass(1.5);
  expect(last(night)).toMatchObject({ step: 3, loss: 0.25, total: 40, epoch: 2 });
  expect(night.job.progress).toMatchObject({ loss: 0.25, total: 40, epoch: 2 });
});

test('what was told before an event is not told again with the next', () => {
  const night = new Night().start().steps(2, 1);
  night.skip(1.1).beat({ step: 3, loss: 0.25 });
  expect(last(night)).toMatchObject({ step: 3, loss: 0.25 });
  night.skip(1.1).beat({ step: 4 });
  expect(last(night)).toMatchObject({ step: 4, loss: null });
});
