import type { Entry } from '../../daemon/core/index.js';
import { quantile, rounded } from '../lib/figures.js';
import type { Night } from './night.js';
import type { Made } from './progress-eye.js';

/** One verdict, timed from the trainer's own last step. */
export interface Sample {
  /** `idle`: nothing goes on; `busy`: steps are missing and the CPU is used, so that only the ceiling
   * ends it; `stopped`: until it was continued. */
  readonly of: 'idle' | 'busy' | 'stopped';
  readonly phase: string;
  readonly step_seconds: number;
  /** Steps that were seen before, in this attempt and those before it. */
  readonly history: number;
  readonly seconds: number;
  /** The longest it may take. */
  readonly target: number;
}

const FLOOR = 10;
const TIMES_P99 = 3;
const CONTINUED_WITHIN = 3;
/** With fewer steps than this the longest one says little of the 99th percentile. */
const YOUNG = 10;

export function samplesOf(night: Night): Sample[] {
  return night.entries.flatMap((entry) => {
    if (entry.type === 'hang_confirmed') return hang(night, entry);
    if (entry.type === 'trainer_continued') return stop(night, entry);
    return [];
  });
}

function hang(night: Night, entry: Extract<Entry, { type: 'hang_confirmed' }>): Sample[] {
  const { plan, made, entries } = night;
  const before = made.filter(
    ({ attempt, time }) => attempt === entry.attempt && time <= entry.time,
  );
  const last = before.at(-1);
  // Without a step there is no last progress; a daemon that came later saw nothing of it.
  if (last === undefined || isBetween(entries, 'daemon_started', last.time, entry.time)) return [];
  const p99 =
    entry.phase === 'checkpoint'
      ? quantile(saves(entries), 0.99)
      : quantile(stepTimes(made.filter(({ time }) => time <= entry.time)), 0.99);
  const busy = plan.program.faults.some((fault) => /^(livelock|gil-spin)@/.test(fault));
  return [
    {
      of: busy ? 'busy' : 'idle',
      phase: entry.phase,
      step_seconds: plan.program.step_seconds,
      history: made.filter(({ time }) => time <= entry.time).length,
      seconds: entry.time - last.time,
      target: Math.max(FLOOR, Number.isNaN(p99) ? 0 : TIMES_P99 * p99),
    },
  ];
}

function stop(night: Night, entry: Extract<Entry, { type: 'trainer_continued' }>): Sample[] {
  const { plan, made, done, entries } = night;
  const ours = done.findLast(({ deed, time }) => deed.what.do === 'stop' && time <= entry.time);
  const since = ours?.time ?? made.findLast(({ time }) => time <= entry.time)?.time;
  if (since === undefined || isBetween(entries, 'daemon_started', since, entry.time)) return [];
  const { step_seconds } = plan.program;
  const seconds = entry.time - since;
  const stopped = { of: 'stopped', phase: 'step', step_seconds, history: made.length } as const;
  return [{ ...stopped, seconds, target: CONTINUED_WITHIN }];
}

function isBetween(entries: readonly Entry[], type: string, from: number, to: number): boolean {
  return entries.some((entry) => entry.type === type && entry.time >= from && entry.time <= to);
}

const saves = (entries: readonly Entry[]): number[] =>
  entries.flatMap((e) => (e.type === 'phase_left' && e.phase === 'checkpoint' ? [e.seconds] : []));

/** Each step's own time, those of all attempts; the first of an attempt carries its start. */
function stepTimes(made: readonly Made[]): number[] {
  return made.slice(1).flatMap(({ attempt, step, time }, i) => {
    const before = made[i]!;
    if (before.attempt !== attempt) return [];
    return [(time - before.time) / Math.max(1, step - before.step)];
  });
}

export interface Figures {
  readonly n: number;
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface Spread extends Figures {
  /** The part of them that was within the target. */
  readonly within_target: number;
}

/** Figures by step time for hangs that are idle in mid-step; the others by what they are. */
export function detectionOf(samples: readonly Sample[]): Record<string, Spread> {
  const groups = new Map<string, Sample[]>();
  for (const sample of samples) {
    const { of, phase, step_seconds, history } = sample;
    const young = history < YOUNG ? `, fewer than ${YOUNG} before` : '';
    const name = of !== 'idle' ? of : `${phase} of ${step_seconds} s${young}`;
    groups.set(name, [...(groups.get(name) ?? []), sample]);
  }
  const names = [...groups.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, spreadOf(groups.get(name) ?? [])]));
}

function spreadOf(samples: readonly Sample[]): Spread {
  const seconds = samples.map((sample) => sample.seconds);
  const within = samples.filter((sample) => sample.seconds <= sample.target).length;
  return { ...spread(seconds), within_target: rounded(within / samples.length, 3) };
}

export function spread(seconds: readonly number[]): Figures {
  const at = (q: number) => rounded(quantile(seconds, q), 2);
  return { n: seconds.length, p50: at(0.5), p95: at(0.95), max: at(1) };
}
