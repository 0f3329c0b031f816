import type { Job, Totals } from './state.js';

/** A job's counters over all its runs under this name: what Prometheus is told, where a counter that
 * goes back and forth between two scrapes would hide what happened. */
export function totalsOf({ tally, before, attempts_by_cause }: Job): Totals {
  const causes = { ...before?.attempts_by_cause };
  for (const key in attempts_by_cause) {
    const cause = key as keyof typeof causes;
    causes[cause] = (causes[cause] ?? 0) + (attempts_by_cause[cause] ?? 0);
  }
  const sum = (name: Exclude<keyof Totals, 'attempts_by_cause'>): number =>
    tally[name] + (before?.[name] ?? 0);
  return {
    attempts_by_cause: causes,
    lost_steps: sum('lost_steps'),
    useful_seconds: sum('useful_seconds'),
    hangs: sum('hangs'),
    recoveries: sum('recoveries'),
    suspicions: sum('suspicions'),
    self_resolved: sum('self_resolved'),
    continued: sum('continued'),
    quarantined: sum('quarantined'),
  };
}
