/** One GPU's memory at an instant, in bytes. */
export interface GpuUse {
  readonly uuid: string;
  readonly used_bytes: number;
  /** Of these, by living processes that do not belong to the attempt. */
  readonly others_bytes: number;
}

export interface Held {
  readonly uuid: string;
  /** What is still in use of what the attempt had taken, in bytes. */
  readonly held_bytes: number;
  readonly taken_bytes: number;
}

/** A context alone takes some hundred MiB and the readings of an idle GPU sway by a few: an attempt
 * that took less than this proves nothing by what it leaves. */
const WORTH_PROVING = 512 << 20;
/** The driver gives back in pieces, and what is left of a context is no reason to give up a machine. */
const FREE_PART = 0.5;

/**
 * The GPU that most of an ended attempt's memory is still missing from; null when at least half of it
 * is free again everywhere, and where there is no evidence (a GPU that one of the readings lacks).
 * SIGKILL returns before the driver has cleaned up; where it never does, the next trainer would die of
 * it, out of memory.
 */
export function gpuMemoryHeld(
  atSpawn: readonly GpuUse[],
  beforeKill: readonly GpuUse[],
  now: readonly GpuUse[],
): Held | null {
  let worst: Held | null = null;
  for (const { uuid } of atSpawn) {
    const baseline = own(atSpawn, uuid);
    const before = own(beforeKill, uuid);
    const after = own(now, uuid);
    if (baseline === null || before === null || after === null) continue;
    const taken_bytes = before - baseline;
    const held_bytes = after - baseline;
    if (taken_bytes < WORTH_PROVING || held_bytes <= taken_bytes * (1 - FREE_PART)) continue;
    if (worst === null || held_bytes > worst.held_bytes) worst = { uuid, held_bytes, taken_bytes };
  }
  return worst;
}

function own(readings: readonly GpuUse[], uuid: string): number | null {
  const found = readings.find((reading) => reading.uuid === uuid);
  return found === undefined ? null : found.used_bytes - found.others_bytes;
}
