import { describe, expect, test } from '@jest/globals';
import { jobFile } from '../../bench/chaos/jobs.js';
import { planOf, scenarioNames } from '../../bench/chaos/plans.js';
import { parseJob } from '../../config/index.js';

const MANY = 400;
const plans = (seed: number) => Array.from({ length: MANY }, (_, n) => planOf(seed, n));

describe('plans', () => {
  test('the same seed gives the same runs, another one others', () => {
    expect(plans(7)).toEqual(plans(7));
    expect(plans(8)).not.toEqual(plans(7));
  });

  test('a round holds every scenario', () => {
    expect(new Set(plans(3).map(({ scenario }) => scenario))).toEqual(new Set(scenarioNames));
  });

  test('of some scenarios alone', () => {
    const only = ['kills', 'torn'];
    const names = Array.from({ length: 20 }, (_, n) => planOf(3, n, only).scenario);
    expect(new Set(names)).toEqual(new Set(only));
  });

  test('every job file is one that the daemon takes', () => {
    for (const plan of plans(5)) {
      expect(parseJob(jobFile(plan, '/tmp/work'), '/tmp/job.yaml', {}).name).toBe('chaos');
    }
  });
});
