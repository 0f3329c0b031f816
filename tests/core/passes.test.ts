import { expect, test } from '@jest/globals';
import { Night, policy } from './night.js';

/** The defaults' proportions, with one pass enough for a history. */
const rules = {
  ...policy,
  hang: {
    ...policy.hang,
    floor_seconds: 8,
    factor: 2.05,
    min_samples: 1,
    idle_seconds: 21,
    network_seconds: 120,
  },
};

/** At its steps, with so many saves behind it, each as long as `seconds` says. */
function saved(passes: number, seconds: (i: number) => number): Night {
  const night = new Night(rules).start({ target_step: 1_000_000 });
  night.beat({ phases: ['step'] }).steps(60, 0.5);
  for (let i = 0; i < passes; i += 1)
    save(night)
      .pass(seconds(i))
      .beat({ phases: ['step'] })
      .steps(1, 0.5);
  return save(night);
}

const save = (night: Night): Night => night.beat({ phases: ['step', 'checkpoint'] });

/** Seconds of a save, idle from its beginning, up to the verdict. */
function verdict(night: Night): number {
  const from = night.mono;
  let idle = 0;
  while (night.of('hang_confirmed').length === 0 && night.mono - from < 300)
    night.pass(0.25, () => {
      if (night.does('observe')) night.outside(0);
      idle = night.mono - from;
    });
  return idle;
}

test('one quick pass does not make the next one hang that is twice as long and waits in its middle', () => {
  // Passes of 5.8 s whose spread is 0.3: one in a hundred takes less than half of it.
  expect(verdict(saved(1, () => 2.8))).toBeGreaterThan(1.5 * 5.8);
});

test('of two passes the longer one counts', () => {
  expect(verdict(saved(2, (i) => (i === 0 ? 5.2 : 11.2)))).toBeGreaterThan(1.5 * 11.6);
});

test('a phase that is left open by mistake, for a step and until the next one, teaches nothing', () => {
  const night = new Night(rules).start({ target_step: 1_000_000 });
  night.beat({ phases: ['step', 'checkpoint'] }).steps(5, 0.5);
  night.beat({ phases: ['step', 'sample'] }).pass(3);
  night.beat({ phases: ['step', 'checkpoint'] }).steps(1, 0.5);
  night
    .beat({ phases: ['step', 'sample'] })
    .pass(3)
    .beat({ phases: ['step'] });
  expect(night.job.learned.checkpoint).toBeUndefined();
  expect(night.job.learned.sample).toMatchObject({ n: 2 });
});

test('passes that have been alike are waited for less than passes that were not', () => {
  const alike = verdict(saved(40, (i) => 6 * (1 + 0.02 * (i % 3))));
  const apart = verdict(saved(40, (i) => 6 * [0.7, 0.85, 1, 1.2, 1.5][i % 5]!));
  expect(alike).toBeLessThan(3.1 * 6);
  expect(apart).toBeGreaterThan(alike * 1.08);
});

test('a few slow passes among many change the verdict on the next by little', () => {
  const steady = verdict(saved(100, () => 6));
  const disturbed = verdict(saved(100, (i) => (i % 12 === 0 ? 30 : 6)));
  expect(disturbed).toBeLessThan(steady * 1.2);
});

test('without a history a pass may idle for idle_seconds, counted from its beginning', () => {
  const night = new Night(rules).start({ target_step: 1_000_000 });
  night.beat({ phases: ['first_step'] });
  const seconds = verdict(night);
  expect(seconds).toBeGreaterThanOrEqual(21);
  expect(seconds).toBeLessThan(22.5);
});

test('a trainer that goes on within the last second is not taken for idle', () => {
  const night = saved(0, () => 0);
  const from = night.mono;
  // Idle for a little less than it may, then at work with a third of a core.
  const cpu = (): number => Math.max(0, night.mono - from - 20.2) * 0.34;
  night.pass(40, () => {
    if (night.does('observe')) night.outside(cpu());
  });
  expect(night.of('hang_confirmed')).toEqual([]);
});
