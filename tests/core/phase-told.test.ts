import { expect, test } from '@jest/globals';
import { Night } from './night.js';

test('the first step ends what comes before it, for a trainer that names no phase too', () => {
  const night = new Night().start();
  expect(night.job.progress.phase).toBe('startup');
  // As a bar is drawn before the first.
  night.skip(1).beat({ step: 0 });
  expect(night.job.progress.phase).toBe('startup');
  night.skip(1.1).beat({ step: 1 });
  expect(night.job.progress.phase).toBe('step');
});

test('a phase that is over is not the phase any more', () => {
  const night = new Night().start();
  night.skip(1).beat({ phases: ['load'] });
  night.skip(1).beat({ phases: [] });
  expect(night.job.progress.phase).toBeNull();
  night.skip(1).beat({ phases: ['first_step'] });
  expect(night.job.progress.phase).toBe('first_step');
  // In one look two steps were made, so that its end is not worth learning from.
  night.skip(0.1).beat({ step: 1 });
  night.skip(0.1).beat({ step: 3 });
  night.skip(1).beat({ step: 4, phases: [] });
  expect(night.job.progress.phase).toBe('step');
});

test('each entry into a phase is told, the second save in a row too', () => {
  const night = new Night().start().steps(3, 1);
  for (let saves = 0; saves < 2; saves += 1) {
    night.skip(1).beat({ phases: ['checkpoint'] });
    expect(night.job.progress.phase).toBe('checkpoint');
    night.skip(1).beat({ phases: [] });
    night.steps(2, 1);
    expect(night.job.progress.phase).toBe('step');
  }
  expect(night.of('phase_entered')).toHaveLength(2);
  expect(night.of('phase_left')).toHaveLength(2);
});
