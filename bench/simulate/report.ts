import { PHASES, type Phase } from '../../daemon/core/index.js';
import { quantile, rounded } from '../lib/figures.js';
import { type Account, type Detection, SPENT } from './account.js';

interface Spread {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

type ByPhase = Readonly<Record<string, Spread & { readonly within_target: number }>>;

export interface Report {
  readonly nights: number;
  readonly seed: number;
  readonly mtbf_hours: number;
  readonly false_kills: number;
  readonly missed_hangs: number;
  readonly suspicions: number;
  readonly suspicions_self_resolved: number;
  /** Idle hangs, by the phase they came in, where the trainer tells of it. */
  readonly detection_seconds: ByPhase;
  /** The same in pauses that the trainer says nothing of: to everybody else it is at a step. */
  readonly untold_detection_seconds: ByPhase;
  readonly livelock_detection_seconds: Spread | null;
  readonly chatter_detection_seconds: Spread | null;
  readonly storage_lost_detection_seconds: Spread | null;
  readonly stop_to_continue_seconds: Spread | null;
  readonly ettr: number | null;
  readonly ettr_ideal: number | null;
  readonly ettr_of_ideal: number | null;
  /** The same, where the ideal run pays the trainer's own start-up after each fault. */
  readonly ettr_ideal_paying_startup: number | null;
  readonly ettr_of_ideal_paying_startup: number | null;
  /** Parts of the wall clock of those nights. */
  readonly time_spent: Readonly<Record<string, number>>;
  readonly lost_steps: number;
  readonly attempts: number;
  readonly ended: Readonly<Record<string, number>>;
  readonly decisions: number;
  readonly nights_per_second: number;
  /** By the processor's time, all threads together: what one core does that has nothing else to do. */
  readonly nights_per_cpu_second: number;
}

export interface Totals {
  readonly seed: number;
  readonly mtbf_hours: number;
  readonly accounts: readonly Account[];
  readonly seconds: number;
  readonly cpu_seconds: number;
}

export function report({ seed, mtbf_hours, accounts, seconds, cpu_seconds }: Totals): Report {
  const sum = (of: (account: Account) => number): number =>
    accounts.reduce((total, account) => total + of(account), 0);
  const detections = accounts.flatMap(({ detections: all }) => all);
  const idle = detections.filter(({ flavour }) => flavour === 'idle');
  const flavoured = (...flavours: string[]) =>
    spread(detections.filter(({ flavour }) => flavours.includes(flavour)).map((d) => d.seconds));
  // A night whose job is done before the morning has no wall clock to be measured against.
  const whole = accounts.filter(({ ideal }) => ideal !== null);
  const wall = whole.reduce((total, { spent }) => total + totalOf(spent), 0);
  const share = (of: (account: Account) => number): number =>
    whole.reduce((total, account) => total + of(account), 0) / wall;
  const ettr = share((a) => a.useful);
  const ideal = share((a) => a.ideal?.free ?? 0);
  const paid = share((a) => a.ideal?.paying ?? 0);
  const figure = (value: number): number | null => (whole.length === 0 ? null : rounded(value, 4));
  return {
    nights: accounts.length,
    seed,
    mtbf_hours,
    false_kills: sum((a) => a.false_kills.length),
    missed_hangs: sum((a) => a.missed_hangs.length),
    suspicions: sum((a) => a.suspicions),
    suspicions_self_resolved: sum((a) => a.suspicions_self_resolved),
    detection_seconds: byPhase(idle.filter(({ told }) => told)),
    untold_detection_seconds: byPhase(idle.filter(({ told }) => !told)),
    livelock_detection_seconds: flavoured('livelock', 'livelock_log'),
    chatter_detection_seconds: flavoured('chatter'),
    storage_lost_detection_seconds: flavoured('storage'),
    stop_to_continue_seconds: spread(accounts.flatMap(({ stops }) => stops)),
    ettr: figure(ettr),
    ettr_ideal: figure(ideal),
    ettr_of_ideal: figure(ettr / ideal),
    ettr_ideal_paying_startup: figure(paid),
    ettr_of_ideal_paying_startup: figure(ettr / paid),
    time_spent: Object.fromEntries(
      SPENT.map((kind) => [
        kind,
        rounded(
          share((a) => a.spent[kind]),
          5,
        ),
      ]),
    ),
    lost_steps: sum((a) => a.lost_steps),
    attempts: sum((a) => a.attempts),
    ended: count(accounts.map(({ ended }) => ended)),
    decisions: sum((a) => a.decisions),
    nights_per_second: rounded(accounts.length / seconds, 1),
    nights_per_cpu_second: rounded(accounts.length / cpu_seconds, 1),
  };
}

function totalOf(spent: Account['spent']): number {
  return SPENT.reduce((total, kind) => total + spent[kind], 0);
}

function byPhase(detections: readonly Detection[]): ByPhase {
  const of = (phase: Phase | 'all') => {
    const some = detections.filter((d) => phase === 'all' || d.phase === phase);
    const figures = spread(some.map((d) => d.seconds));
    if (figures === null) return [];
    const within = some.filter((d) => d.seconds <= d.target).length / some.length;
    return [[phase, { ...figures, within_target: rounded(within, 4) }]];
  };
  return Object.fromEntries([...PHASES, 'all' as const].flatMap(of)) as ByPhase;
}

function spread(values: readonly number[]): Spread | null {
  if (values.length === 0) return null;
  const at = (q: number) => rounded(quantile(values, q), 2);
  return { n: values.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
