import type { Policy } from '../../daemon/core/index.js';
import type { Account } from './account.js';
import { playNight } from './night.js';
import { drawPlan, type PlanOptions } from './plan.js';
import type { Trace } from './world.js';

export interface Run {
  readonly nights: number;
  /** Of the first night; the others have the seeds after it. */
  readonly seed: number;
  readonly hours: number;
  readonly mtbf_hours: number;
  readonly without: ReadonlySet<number>;
}

export function optionsOf(run: Run, night: number): PlanOptions {
  const { hours, mtbf_hours, without } = run;
  return { seed: run.seed + night, hours, mtbf_hours, without };
}

export function simulate(run: Run, policy: Policy, trace: Trace | null): Account[] {
  return Array.from({ length: run.nights }, (_, night) =>
    playNight(drawPlan(optionsOf(run, night)), policy, trace),
  );
}
