import type { Outside } from './idle.js';

/**
 * One look from outside, or several in a row that saw the same, told by what was used since the look
 * before: seconds in all, how many looks, CPU seconds, bytes read and written, bytes of new output,
 * GPU ratio (null: nobody can say), and 1 where storage was waited for. The first of a stretch has
 * nothing before it and 0 everywhere. A negative figure is a total that fell: a process ended.
 */
export type Seen = readonly [
  seconds: number,
  looks: number,
  cpu_seconds: number,
  io_bytes: number,
  log_bytes: number,
  gpu_ratio: number | null,
  storage_wait: 0 | 1,
];

/** The looks at one stretch without progress. */
export interface Looks {
  readonly attempt: number;
  /** Monotonic seconds of the last new step before it, or of the attempt's beginning. */
  readonly since: number;
  readonly last: Outside;
  readonly seen: readonly Seen[];
}

/** At most so many entries are kept of a stretch; then the oldest two become one. */
const MOST = 64;
/** Rates that differ by no more than this, or by a twentieth, are the same: cores, bytes a second. */
const SAME = { cpu: 0.02, io: 8192, gpu: 0.02, part: 0.05 };

export function firstLook(attempt: number, since: number, at: Outside): Looks {
  return { attempt, since, last: at, seen: [[0, 1, 0, 0, 0, gpuOf(at), waits(at)]] };
}

/** Takes in one more look. What repeats itself takes no room, however long it goes on. */
export function withLook(looks: Looks, at: Outside): Looks {
  const { last } = looks;
  const now: Seen = [
    rounded(at.at - last.at, 1e3),
    1,
    rounded(at.cpu_seconds - last.cpu_seconds, 1e2),
    at.io_bytes - last.io_bytes,
    at.log_bytes - last.log_bytes,
    gpuOf(at),
    waits(at),
  ];
  const before = looks.seen.at(-1);
  const seen =
    before !== undefined && isAlike(before, now)
      ? [...looks.seen.slice(0, -1), joined(before, now)]
      : [...looks.seen, now];
  return { ...looks, last: at, seen: seen.length > MOST ? withoutOldest(seen) : seen };
}

/** How many looks there were. */
export function lookCount(looks: Looks): number {
  return looks.seen.reduce((sum, [, count]) => sum + count, 0);
}

function isAlike(a: Seen, b: Seen): boolean {
  const [seconds, looks, cpu, io, log, gpu, storage] = a;
  // The first has no time of its own, and another rhythm would be drawn evenly.
  if (seconds <= 0 || b[0] <= 0 || b[0] > (2 * seconds) / looks) return false;
  const close = (x: number, y: number, by: number): boolean =>
    x < 0 === y < 0 && Math.abs(x - y) <= by + SAME.part * Math.max(x, y);
  return (
    storage === b[6] &&
    (log === 0) === (b[4] === 0) &&
    log < 0 === b[4] < 0 &&
    (gpu === null ? b[5] === null : b[5] !== null && Math.abs(gpu - b[5]) <= SAME.gpu) &&
    close(cpu / seconds, b[2] / b[0], SAME.cpu) &&
    close(io / seconds, b[3] / b[0], SAME.io)
  );
}

function joined(a: Seen, b: Seen): Seen {
  const gpu = a[5] === null ? b[5] : Math.max(a[5], b[5] ?? 0);
  return [
    rounded(a[0] + b[0], 1e3),
    a[1] + b[1],
    rounded(a[2] + b[2], 1e2),
    a[3] + b[3],
    a[4] + b[4],
    gpu,
    a[6] === 1 || b[6] === 1 ? 1 : 0,
  ];
}

function withoutOldest(seen: readonly Seen[]): readonly Seen[] {
  // The very first tells when the looks began and stays.
  const [first, second, third, ...rest] = seen;
  if (first === undefined || second === undefined || third === undefined) return seen;
  return [first, joined(second, third), ...rest];
}

const gpuOf = ({ gpu_ratio }: Outside): number | null =>
  gpu_ratio === null ? null : rounded(gpu_ratio, 1e2);

const waits = ({ storage_wait }: Outside): 0 | 1 => (storage_wait ? 1 : 0);

const rounded = (value: number, per: number): number => Math.round(value * per) / per;
