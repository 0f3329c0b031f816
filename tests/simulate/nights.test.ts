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

const idleHangs = (over: Partial<Run>, rules: Policy) =>
  simulate(run(over), rules, null)
    .flatMap(({ detections }) => detections)
    .filter(({ flavour, told }) => flavour === 'idle' && told);

test.each([
  ['a fault an hour', { nights: 60, seed: 1000, mtbf_hours: 1 }],
  ['a fault every four hours', { nights: 60, seed: 2000, mtbf_hours: 4 }],
  ['four faults an hour', { nights: 30, seed: 3000, mtbf_hours: 0.25 }],
])(
  '%s: nothing healthy is killed, no hang is missed, and they are found in time',
  (_what, over) => {
    const accounts = simulate(run(over), policy, null);
    expect(accounts.flatMap(({ false_kills }) => false_kills)).toEqual([]);
    expect(accounts.flatMap(({ missed_hangs }) => missed_hangs)).toEqual([]);
    const idle = accounts
      .flatMap(({ detections }) => detections)
      .filter(({ flavour, told }) => flavour === 'idle' && told);
    expect(idle.length).toBeGreaterThan(8);
    const late = idle.filter(({ seconds, target }) => seconds > target);
    // One in twenty, over many more nights (docs/simulator.md); of forty it may be one in seven.
    expect(late.length / idle.length).toBeLessThan(0.15);
  },
);

test('the account of a night adds up to its length, and its steps to no more than the ideal of all nights', () => {
  const accounts = simulate(run({ nights: 40, seed: 500 }), policy, null);
  for (const { spent } of accounts) {
    const all = Object.values(spent).reduce((sum, seconds) => sum + seconds, 0);
    expect(all).toBeCloseTo(8 * 3600, 3);
  }
  const whole = accounts.filter(({ ideal }) => ideal !== null);
  const sum = (of: (account: (typeof whole)[number]) => number): number =>
    whole.reduce((total, account) => total + of(account), 0);
  const ideal = sum((a) => a.ideal?.free ?? 0);
  expect(sum((a) => a.useful)).toBeLessThan(ideal);
  expect(sum((a) => a.useful)).toBeGreaterThan(0.95 * ideal);
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
  const eager: Policy = { ...policy, hang: { ...policy.hang, floor_seconds: 0.5, factor: 1 } };

  test('false kills are found, and a night shrinks to a shorter one that still shows them', () => {
    const nights = run({ nights: 20, seed: 1 });
    const night = simulate(nights, eager, null).findIndex(hasFailed);
    expect(night).toBeGreaterThanOrEqual(0);
    const options = optionsOf(nights, night);
    const shortest = shrink(options, eager);
    expect(shortest.without.size + options.hours - shortest.hours).toBeGreaterThan(0);
    expect(simulate(run({ ...shortest, nights: 1 }), eager, null).some(hasFailed)).toBe(true);
    expect(replay(shortest)).toContain(`--seed ${shortest.seed}`);
  });
});

test('without idleness to go by, verdicts wait for the ceiling', () => {
  const unsure: Policy = { ...policy, hang: { ...policy.hang, idle_cpu: -1 } };
  const over = { nights: 20, seed: 1 };
  const [sure, late] = [idleHangs(over, policy), idleHangs(over, unsure)];
  expect(sure.length).toBeGreaterThan(5);
  expect(sure.every(({ seconds }) => seconds < 900)).toBe(true);
  expect(late.every(({ seconds }) => seconds >= 890)).toBe(true);
});
