import type { Account } from './judge.js';
import { detectionOf, type Spread, spread } from './samples.js';

export interface Report {
  readonly seed: number;
  readonly minutes: number;
  readonly runs: readonly Omit<Account, 'samples'>[];
  readonly detection: Readonly<Record<string, Spread>>;
  /** From the end of an attempt to the next new step, by program. */
  readonly recovery: Readonly<Record<string, object>>;
  /** How often the machine's processes were looked at, and the longest time between two looks. */
  readonly looks: { readonly n: number; readonly longest_gap_ms: number };
  readonly wrong: readonly { readonly n: number; readonly wrong: string }[];
}

interface Totals {
  readonly seed: number;
  readonly minutes: number;
  readonly accounts: readonly Account[];
  readonly looks: { readonly looks: number; readonly longestGap: number };
}

export function report({ seed, minutes, accounts, looks }: Totals): Report {
  const inOrder = [...accounts].sort((a, b) => a.n - b.n);
  const programs = [...new Set(inOrder.map(({ program }) => program))];
  return {
    seed,
    minutes,
    runs: inOrder.map(({ samples: _, ...run }) => run),
    detection: detectionOf(inOrder.flatMap(({ samples }) => samples)),
    recovery: Object.fromEntries(
      programs.flatMap((name) => {
        const runs = inOrder.filter(({ program }) => program === name);
        const seconds = runs.flatMap(({ recovery_seconds }) => recovery_seconds);
        return seconds.length === 0 ? [] : [[name, spread(seconds)]];
      }),
    ),
    looks: { n: looks.looks, longest_gap_ms: Math.round(looks.longestGap) },
    wrong: inOrder.flatMap(({ n, wrong }) => (wrong === null ? [] : [{ n, wrong }])),
  };
}

/** One run in one line for whoever waits; a failing one with what it takes to look into it. */
export function tell(account: Account, home: string | null, replay: string): void {
  const { n, scenario, program, faults, outcome, seconds, wrong } = account;
  const mark = wrong === null ? 'ok   ' : 'WRONG';
  const what = `${scenario} (${program}): ${faults.join('; ')}`;
  const lines = [`${mark} ${n} ${what} -> ${outcome}, ${seconds.toFixed(0)} s`];
  if (wrong !== null) lines.push(`      ${wrong}`, `      seen: ${account.seen.join(', ')}`);
  if (wrong !== null) lines.push(`      ${replay}`);
  if (home !== null) lines.push(`      ${home}`);
  process.stderr.write(`${lines.join('\n')}\n`);
}
