import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hasFailed, replay, shrink } from '../../bench/simulate/shrink.js';
import { optionsOf, type Run, simulate } from '../../bench/simulate/simulate.js';
import { loadConfig } from '../../config/index.js';
import type { Policy } from '../../daemon/core/index.js';
import { policyOf } from '../../daemon/startup/index.js';

/** The defaults, whatever is configured on this machine. */
const policy: Policy = policyOf(
  loadConfig({ home: join(tmpdir(), 'nightwarden-no-such-home'), env: {} }),
);

const run = (over: Partial<Run>): Run => ({
  nights: 1,
  seed: 1,
  hours: 8,
  mtbf_hours: 1,
  without: new Set(),
  ...over,
});

test.each([
  ['a fault an hour', { nights: 150, seed: 1000, mtbf_hours: 1 }],
  ['a fault every four hours', { nights: 75, seed: 2000, mtbf_hours: 4 }],
  ['four faults an hour', { nights: 75, seed: 3000, mtbf_hours: 0.25 }],
])('%s: nothing healthy is killed and no hang is missed', (_what, over) => {
  const accounts = simulate(run(over), policy, null);
  expect(accounts.flatMap(({ false_kills }) => false_kills)).toEqual([]);
  expect(accounts.flatMap(({ missed_hangs }) => missed_hangs)).toEqual([]);
  expect(accounts.flatMap(({ detections }) => detections).length).toBeGreaterThan(10);
});

test('a night is the same each time it is played, and its trace tells of it', () => {
  const told: string[][] = [[], []];
  const accounts = told.map((lines) =>
    simulate(run({ seed: 7 }), policy, (at, what) => lines.push(`${at} ${what}`)),
  );
  expect(accounts[0]).toEqual(accounts[1]);
  expect(told[0]).toEqual(told[1]);
  expect(told[0]?.length).toBeGreaterThan(100);
});

describe('against rules that are too eager', () => {
  const eager: Policy = { ...policy, hang: { ...policy.hang, floor_seconds: 0.5, factor: 0.6 } };

  test('false kills are found, and the night shrinks to one that still shows them', () => {
    const nights = run({ nights: 20, seed: 1 });
    const night = simulate(nights, eager, null).findIndex(hasFailed);
    expect(night).toBeGreaterThanOrEqual(0);
    const options = optionsOf(nights, night);
    const shortest = shrink(options, eager);
    expect(shortest.hours).toBeLessThanOrEqual(options.hours);
    expect(shortest.without.size + 8 - shortest.hours).toBeGreaterThan(0);
    const again = run({ ...shortest, nights: 1 });
    expect(simulate(again, eager, null).some(hasFailed)).toBe(true);
    expect(replay(shortest)).toContain(`--seed ${shortest.seed}`);
  });
});

test('against rules that never fire, missed hangs are found', () => {
  const deaf: Policy = {
    ...policy,
    hang: { ...policy.hang, idle_cpu: -1, ceilings: { ...policy.hang.ceilings, step: 1e9 } },
  };
  const never = { ...deaf.hang.ceilings };
  const accounts = simulate(run({ nights: 40, seed: 1 }), deaf, null);
  expect(never.step).toBe(1e9);
  expect(accounts.flatMap(({ detections }) => detections).every((d) => d.seconds > 60)).toBe(true);
});
