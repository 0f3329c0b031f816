import type { HangPolicy } from './policy.js';

/** What can be seen of the trainer without its help. Counters are cumulative over the attempt. */
export interface Outside {
  readonly at: number;
  readonly cpu_seconds: number;
  readonly io_bytes: number;
  /** Output that said something new. */
  readonly log_bytes: number;
  /** 0–1, or null where there is no GPU to ask. */
  readonly gpu_ratio: number | null;
  /** A process of the group waits for storage, or the daemon itself does on the same volume. */
  readonly storage_wait: boolean;
}

/** The stretch, up to the newest look, in which the process group did nothing anyone could see. */
export interface Idle {
  readonly since: number;
  readonly last: Outside;
  /** Whether the time between the last two looks was idle by itself, without forgiveness. */
  readonly quiet: boolean;
  /** How far CPU seconds, bytes and GPU looks are above what an idle process may use; they drain at
   * that rate, so that a short burst is forgiven and a long idle stretch earns no credit. */
  readonly over: { readonly cpu: number; readonly io: number; readonly gpu: number };
  /** Monotonic seconds: when storage was last waited for; -Infinity for never. */
  readonly storage_at: number;
}

/** I/O below this rate (bytes a second) is a heartbeat thread's or a log flush's, not a save's. */
const IDLE_IO = 64 * 1024;
/** A GPU below this ratio is idle (DLRover calls a tensor core idle at 0.001 over 10 minutes; the
 * utilisation nvidia-smi shows is coarser). */
const IDLE_GPU = 0.05;
/** What a background thread (a heartbeat, a metrics flush) may use at once: CPU seconds, bytes. */
const BURST = { cpu: 0.5, io: 4 << 20 };
/** /proc counts CPU in clock ticks of 10 ms: over a short interval a few of them mean nothing. */
const TICKS = 0.03;
/** A stretch begins with a part of that used up: a process a little above idle shows itself soon. */
const BEGIN = { cpu: 0.2, io: 2 << 20 };

/** Takes in one more look. The stretch begins anew when the group did something since the last. */
export function withOutside(idle: Idle | null, seen: Outside, policy: HangPolicy): Idle {
  const storage_at = seen.storage_wait ? seen.at : (idle?.storage_at ?? Number.NEGATIVE_INFINITY);
  const hot = seen.gpu_ratio !== null && seen.gpu_ratio > IDLE_GPU;
  const anew = (cpu: number, io: number): Idle => ({
    since: seen.at,
    last: seen,
    quiet: true,
    over: { cpu, io, gpu: hot ? 1 : 0 },
    storage_at,
  });
  if (idle === null || seen.storage_wait) return anew(BEGIN.cpu, BEGIN.io);
  const { last, over } = idle;
  const seconds = Math.max(0, seen.at - last.at);
  const cpu = seen.cpu_seconds - last.cpu_seconds;
  const bytes = seen.io_bytes - last.io_bytes;
  // Totals fall when a process ends, which is something that happened.
  if (cpu < 0 || bytes < 0 || seen.log_bytes !== last.log_bytes) {
    return anew(BEGIN.cpu, BEGIN.io);
  }
  const now = {
    cpu: Math.max(0, over.cpu + cpu - policy.idle_cpu * seconds),
    io: Math.max(0, over.io + bytes - IDLE_IO * seconds),
    // One hot look may be another program's; two of them in a few are ours.
    gpu: Math.max(0, over.gpu + (hot ? 1 : -0.25)),
  };
  if (now.cpu > BURST.cpu || now.io > BURST.io || now.gpu > 1) {
    return anew(
      Math.min(BURST.cpu, Math.max(BEGIN.cpu, now.cpu)),
      Math.min(BURST.io, Math.max(BEGIN.io, now.io)),
    );
  }
  const quiet = cpu <= policy.idle_cpu * seconds + TICKS && bytes <= IDLE_IO * seconds;
  // Bursts are forgiven within a stretch; it begins when the work has ended.
  if (!quiet && idle.since === last.at) return anew(now.cpu, now.io);
  return { since: idle.since, last: seen, quiet, over: now, storage_at };
}

/** For how many seconds, up to the newest look, nothing was done: hardly any CPU, no I/O to speak of,
 * nothing new in the output, no GPU, no wait for storage. 0 when there is nothing recent to go by. */
export function idleFor(idle: Idle | null, mono: number, recent: number): number {
  if (idle === null || mono - idle.last.at > recent) return 0;
  if (!idle.quiet) return 0;
  if (idle.last.gpu_ratio !== null && idle.last.gpu_ratio > IDLE_GPU) return 0;
  return idle.last.at - idle.since;
}
