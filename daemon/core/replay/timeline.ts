import type { Entry, EventOf } from '../events.js';
import type { Observation } from '../observations.js';
import { openPhases } from './open-phases.js';

/** One thing of the night, on a clock without jumps. */
export interface Moment {
  readonly mono: number;
  readonly wall: number;
  /** What the edges told the core then; several for an entry that stands for several. */
  readonly seen: readonly Observation[];
  /** The entry itself; absent for what is only told by a later one. */
  readonly entry?: Entry;
  /** Seconds before it in which nobody read the clocks; Infinity: not since the moment before. */
  readonly deaf: number;
}

/** Steps are journalled up to so many seconds after they were made (see decide/beat.ts, and a poll). */
const TOLD_WITHIN = 1.5;

/**
 * The observations that a journal stands for, in the order in which they were made. Wall-clock jumps
 * and suspends are taken out: budgets are measured on a clock that knows neither.
 */
export function timeline(entries: readonly Entry[]): Moment[] {
  const lastSteps = stepTimes(entries);
  const phases = openPhases();
  const moments: { moment: Moment; order: number }[] = [];
  const totals = { cpu_seconds: 0, io_bytes: 0, log_bytes: 0 };
  let offset = 0;
  let mono = Number.NEGATIVE_INFINITY;
  for (const entry of entries) {
    if (entry.type === 'clocks_rearmed' && entry.reason !== 'daemon_stalled')
      offset += entry.seconds;
    // A wall clock that is slewed backwards must not turn the order around.
    mono = Math.max(mono, entry.time - offset);
    const add = (at: number, seen: readonly Observation[], about: Partial<Moment> = {}): void => {
      const moment = { mono: at, wall: at + offset, seen, deaf: 0, ...about };
      // What an entry tells of was there before it, at the same instant too.
      moments.push({ moment, order: about.entry === undefined ? 0 : 1 });
    };
    switch (entry.type) {
      case 'looked_at':
        for (const { ago, seen } of looksOf(entry, totals)) add(mono - ago, [seen]);
        break;
      case 'trainer_continued':
        add(mono - entry.stopped_seconds, [stopped(entry)]);
        add(mono, [stopped(entry)]);
        break;
      case 'progress': {
        add(mono - (lastSteps.get(entry.seq) ?? 0), [stepOf(entry)]);
        break;
      }
    }
    const named = phases.after(entry);
    const seen = named === null ? [] : [named];
    add(mono, seen, { entry, deaf: deafBefore(entry) });
  }
  moments.sort((a, b) => a.moment.mono - b.moment.mono || a.order - b.order);
  return moments.map(({ moment }) => moment);
}

function deafBefore(entry: Entry): number {
  if (entry.type === 'daemon_started') return Number.POSITIVE_INFINITY;
  return entry.type === 'clocks_rearmed' && entry.reason === 'daemon_stalled' ? entry.seconds : 0;
}

/** For each progress entry, by its number, how long before it its last step was made: what was told
 * later of the silence that followed says so. */
function stepTimes(entries: readonly Entry[]): Map<number, number> {
  const ago = new Map<number, number>();
  // The latest two: the step that ends a silence is told before the silence is.
  const latest = new Map<string, readonly Entry[]>();
  for (const entry of entries) {
    if (entry.type === 'progress') {
      latest.set(entry.job, [...(latest.get(entry.job) ?? []).slice(-1), entry]);
      continue;
    }
    if (!tellsOfSteps(entry)) continue;
    const since = entry.time - entry.silent_seconds;
    for (const { seq, time } of latest.get(entry.job) ?? []) {
      if (!ago.has(seq) && time >= since && time - since <= TOLD_WITHIN) ago.set(seq, time - since);
    }
  }
  return ago;
}

type Silence = EventOf<'looked_at' | 'suspicion_raised' | 'hang_confirmed'> & Entry;

function tellsOfSteps(entry: Entry): entry is Silence {
  if (entry.type === 'looked_at') return true;
  const doubt = entry.type === 'suspicion_raised' || entry.type === 'hang_confirmed';
  return doubt && entry.phase === 'step';
}

function stepOf({ job, attempt, step, total, epoch }: EventOf<'progress'>): Observation {
  const beat = { step, total, epoch, loss: null, phases: null };
  return { is: 'beat', job, attempt, beat };
}

const stopped = ({ job, attempt }: EventOf<'trainer_continued'>): Observation => ({
  is: 'process_state',
  job,
  attempt,
  letter: 'T',
});

/** Each look by itself; of those that were told together, evenly. `totals` go on over the night. */
function looksOf(
  { job, attempt, last_ago, seen }: EventOf<'looked_at'>,
  totals: { cpu_seconds: number; io_bytes: number; log_bytes: number },
): { ago: number; seen: Observation }[] {
  let ago = last_ago + seen.reduce((sum, [seconds]) => sum + seconds, 0);
  const found: { ago: number; seen: Observation }[] = [];
  for (const [seconds, looks, cpu, io, log, gpu_ratio, storage] of seen) {
    for (let i = 0; i < looks; i += 1) {
      ago -= seconds / looks;
      totals.cpu_seconds += cpu / looks;
      totals.io_bytes += io / looks;
      totals.log_bytes += log / looks;
      const at = { ...totals, gpu_ratio, storage_wait: storage === 1 };
      found.push({ ago: Math.max(0, ago), seen: { is: 'outside', job, attempt, ...at } });
    }
  }
  return found;
}
