import type { Policy } from '../../daemon/core/index.js';
import type { Account } from './account.js';
import { playNight } from './night.js';
import { drawPlan, type PlanOptions } from './plan.js';

const HOURS = [0.25, 0.5, 1, 2, 3, 4, 5, 6, 7];

export const hasFailed = (account: Account): boolean =>
  account.false_kills.length + account.missed_hangs.length > 0;

/** The shortest night with the fewest faults that still goes wrong: faults are left out one by one as
 * long as it does, then the night ends earlier. */
export function shrink(failing: PlanOptions, policy: Policy): PlanOptions {
  const fails = (options: PlanOptions): boolean =>
    hasFailed(playNight(drawPlan(options), policy, null));
  let best = failing;
  for (let smaller = true; smaller; ) {
    smaller = false;
    for (const { index } of drawPlan(best).faults) {
      const tried = { ...best, without: new Set([...best.without, index]) };
      if (!fails(tried)) continue;
      best = tried;
      smaller = true;
    }
  }
  const hours = HOURS.find((h) => h < best.hours && fails({ ...best, hours: h }));
  return hours === undefined ? best : { ...best, hours };
}

/** The command that plays this night again and prints its events. */
export function replay({ seed, hours, mtbf_hours, without }: PlanOptions): string {
  const parts = ['node dist/bench/simulate/main.js --nights 1', `--seed ${seed}`];
  if (hours !== 8) parts.push(`--hours ${hours}`);
  if (mtbf_hours !== 1) parts.push(`--mtbf ${mtbf_hours}`);
  if (without.size > 0) parts.push(`--without ${[...without].join(',')}`);
  return `${parts.join(' ')} --trace`;
}
