import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ledger } from '../../bench/simulate/ledger.js';
import { drawPlan, type Plan } from '../../bench/simulate/plan.js';
import { Rng } from '../../bench/simulate/rng.js';
import { slownessOf } from '../../bench/simulate/slowness.js';
import { Trainer } from '../../bench/simulate/trainer.js';
import { p99BetweenSteps, p99Of } from '../../bench/simulate/typical.js';
import { loadConfig } from '../../config/index.js';
import type { Job, Phase } from '../../daemon/core/index.js';
import { policyOf } from '../../daemon/startup/index.js';

const home = join(tmpdir(), 'nightwarden-no-such-home');
const policy = policyOf(loadConfig({ home, env: {} }));
const draw = (seed: number): Plan =>
  drawPlan({ seed, hours: 8, mtbf_hours: 1, without: new Set() });
const planWhere = (wanted: (plan: Plan) => boolean): Plan => {
  for (let seed = 1; ; seed += 1) if (wanted(draw(seed))) return draw(seed);
};
const QUIET = { anyhow: 0, busy: 0, piece: 1 };
const never = Number.POSITIVE_INFINITY;

/** Seconds of each span of a trainer that nothing disturbs, by phase, and between its steps. */
function spans(plan: Plan, attempts: number, steps: number) {
  const rng = new Rng(1, 9);
  const of = new Map<Phase, number[]>();
  const between: number[] = [];
  for (let attempt = 2; attempt < 2 + attempts; attempt += 1) {
    const begin = { attempt, from: 0, now: 0, warm: false };
    const trainer = new Trainer(plan, rng, begin, new Map(), slownessOf([]));
    let last = 0;
    while (trainer.step < steps) {
      const { phase, from, to, steps: made } = trainer.span;
      of.set(phase, [...(of.get(phase) ?? []), to - from]);
      trainer.advance(QUIET, never);
      if (made === 0) continue;
      if (trainer.step > 1) between.push(to - last);
      last = to;
    }
  }
  return { of, between };
}

const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.floor(q * values.length)] ?? 0;

describe('the 99th percentile that the target of a detection rests on', () => {
  const plan = planWhere(({ trainer }) => trainer.reports && trainer.target === null);

  test.each(['startup', 'load', 'first_step'] as const)(
    'is not above what the model draws: %s',
    (phase) => {
      const { of } = spans(plan, 3000, 1);
      const drawn = quantile(of.get(phase) ?? [], 0.99);
      const claimed = p99Of(phase, plan.trainer, 2);
      expect(claimed).toBeLessThan(1.1 * drawn);
      expect(claimed).toBeGreaterThan(0.5 * drawn);
    },
  );

  test('nor is that of the time between steps, where saves are not told of', () => {
    const untold = planWhere(({ trainer }) => !trainer.reports && trainer.every.checkpoint < 50);
    const { between } = spans(untold, 1, 6000);
    const claimed = p99BetweenSteps(untold.trainer);
    expect(claimed / quantile(between, 0.99)).toBeGreaterThan(0.5);
    expect(claimed / quantile(between, 0.99)).toBeLessThan(1.1);
    expect(claimed).toBeGreaterThan(p99Of('step', untold.trainer, 2));
  });
});

test.each([
  ['before its wait', 5, { from: 13, to: 33 }],
  ['within it', 15, { from: 10, to: 33 }],
  ['after it', 40, { from: 10, to: 30 }],
])('a signal that stops a trainer for three seconds, %s', (_when, at, wait) => {
  const begin = { attempt: 1, from: 0, now: 0, warm: false };
  const trainer = new Trainer(draw(1), new Rng(1, 9), begin, new Map(), slownessOf([]));
  trainer.span.to = 60;
  trainer.span.wait = { from: 10, to: 30 };
  trainer.stopBySignal(at);
  trainer.goOn(at + 3);
  expect(trainer.span.to).toBe(63);
  expect(trainer.span.wait).toEqual(wait);
});

test('a hang that nobody confirms is told as missed once its ceiling is long past', () => {
  const plan = planWhere(({ trainer }) => trainer.reports && !trainer.leaves_open);
  const missedAfter = (seconds: number): readonly string[] => {
    const world = { plan, policy, rng: new Rng(1, 2), trace: null, t: 0 };
    const begin = { attempt: 1, from: 0, now: 0, warm: true };
    const trainer = new Trainer(plan, world.rng, begin, new Map(), slownessOf([]));
    trainer.advance(QUIET, never);
    trainer.wedge(0, 'idle');
    const ledger = new Ledger(world, () => trainer);
    ledger.hung();
    world.t = seconds;
    return ledger.account({ run: { at: 'running' }, tally: {} } as unknown as Job, 0).missed_hangs;
  };
  expect(missedAfter(policy.hang.ceilings.step)).toEqual([]);
  expect(missedAfter(policy.hang.ceilings.step + 200)).toHaveLength(1);
});
