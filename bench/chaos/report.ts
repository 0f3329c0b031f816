import { table } from '../lib/figures.js';
import type { Account } from './judge.js';
import { detectionOf, type Figures, type Spread, spread } from './samples.js';

/** One run, judged. */
export interface Ran {
  readonly account: Account;
  /** Kept for a look; null where it was removed. */
  readonly home: string | null;
  readonly replay: string;
}

export interface Report {
  readonly seed: number;
  readonly minutes: number;
  readonly runs: readonly Omit<Account, 'samples'>[];
  readonly detection: Readonly<Record<string, Spread>>;
  /** From the end of an attempt to the next new step, by program. */
  readonly recovery: Readonly<Record<string, Figures>>;
  /** How often the machine's processes were looked at, and the longest time between two looks. */
  readonly looks: { readonly n: number; readonly longest_gap_ms: number };
  readonly wrong: readonly {
    readonly n: number;
    readonly wrong: string;
    readonly replay: string;
    readonly home: string | null;
  }[];
}

interface Totals {
  readonly seed: number;
  readonly minutes: number;
  readonly ran: readonly Ran[];
  readonly looks: { readonly looks: number; readonly longestGap: number };
}

export function report({ seed, minutes, ran, looks }: Totals): Report {
  const inOrder = [...ran].sort((a, b) => a.account.n - b.account.n);
  const accounts = inOrder.map(({ account }) => account);
  const programs = [...new Set(accounts.map(({ program }) => program))].sort();
  return {
    seed,
    minutes,
    runs: accounts.map(({ samples: _, ...run }) => run),
    detection: detectionOf(accounts.flatMap(({ samples }) => samples)),
    recovery: Object.fromEntries(
      programs.flatMap((name) => {
        const runs = accounts.filter(({ program }) => program === name);
        const seconds = runs.flatMap(({ recovery_seconds }) => recovery_seconds);
        return seconds.length === 0 ? [] : [[name, spread(seconds)]];
      }),
    ),
    looks: { n: looks.looks, longest_gap_ms: Math.round(looks.longestGap) },
    wrong: inOrder.flatMap(({ account: { n, wrong }, replay, home }) =>
      wrong === null ? [] : [{ n, wrong, replay, home }],
    ),
  };
}

/** One run in one line; a failing one with what it takes to look into it. */
export function sayRun({ account, home, replay }: Ran): string {
  const { n, scenario, program, faults, outcome, seconds, wrong } = account;
  const what = `${n} ${scenario} (${program}): ${faults.join('; ')} -> ${outcome}`;
  const line = `${wrong === null ? 'ok   ' : 'WRONG'} ${what}, ${seconds.toFixed(0)} s`;
  const place = home === null ? [] : [`      ${home}`];
  if (wrong === null) return [line, ...place].join('\n');
  const seen = `      seen: ${account.seen.join(', ')}`;
  return [line, `      ${wrong}`, seen, `      ${replay}`, ...place].join('\n');
}

/** The whole in figures, for people. */
export function sayReport({ seed, runs, detection, recovery, looks, wrong }: Report): string {
  const row = (name: string, { n, p50, p95, max }: Figures, within: string): string[] => [
    ...[name, String(n)],
    ...[p50, p95, max].map((seconds) => seconds.toFixed(2)),
    within,
  ];
  return [
    `seed ${seed}: ${runs.length} runs, ${wrong.length} wrong; ${looks.n} looks at all processes, at most ${looks.longest_gap_ms} ms apart`,
    table([
      ['from the last step to the verdict, s', 'n', 'p50', 'p95', 'max', 'within the target'],
      ...Object.entries(detection).map(([name, figures]) =>
        row(name, figures, `${(figures.within_target * 100).toFixed(1)} %`),
      ),
    ]),
    table([
      ['from an end to the next new step, s', 'n', 'p50', 'p95', 'max', ''],
      ...Object.entries(recovery).map(([name, figures]) => row(name, figures, '')),
    ]),
    ...wrong.map(({ n, wrong: what, replay }) => `run ${n}: ${what}\n  ${replay}`),
  ].join('\n');
}
