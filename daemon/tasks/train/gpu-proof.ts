import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type GpuMemory, readGpuMemory } from '../../../healthchecks/index.js';
import { writeAtomic } from '../../../trainer/checkpoints/index.js';
import { members, type Target } from '../../../trainer/process/index.js';
import { type GpuUse, gpuMemoryHeld } from '../../core/index.js';
import type { Surroundings } from './context.js';

const LOOK_EVERY_MS = 500;

/** Writes down what each GPU holds before the attempt takes its part. Beside the start, not before
 * it: a trainer imports for longer than nvidia-smi takes. Where there is none, nothing is written. */
export async function noteGpuMemory(at: Surroundings, attempt: number): Promise<void> {
  const readings = await readGpuMemory();
  if (readings === null) return;
  const uses = readings.map((reading) => useOf(reading, new Set()));
  try {
    await writeAtomic(fileOf(at, attempt), `${JSON.stringify(uses)}\n`);
  } catch (error) {
    at.log.warn(`${at.name}: what the GPUs held cannot be noted: ${(error as Error).message}`);
  }
}

/** Reads the GPUs before an attempt is killed, and returns what waits, after the kill, until at least
 * half of what it had taken is free again: null then, or why this machine is bad. */
export async function gpuProof(
  at: Surroundings,
  attempt: number,
  target: Target,
): Promise<() => Promise<string | null>> {
  const atSpawn = notedOf(at, attempt);
  const noEvidence = async (): Promise<null> => null;
  if (atSpawn === null) return noEvidence;
  const ours = new Set(
    members(target.lineage, target.shepherd, target.since).map(({ ref }) => ref.pid),
  );
  const readings = await readGpuMemory();
  if (readings === null) return noEvidence;
  const before = readings.map((reading) => useOf(reading, ours));
  return () => untilFree(at.settings.verify_seconds, atSpawn, before, ours);
}

async function untilFree(
  seconds: number,
  atSpawn: readonly GpuUse[],
  before: readonly GpuUse[],
  ours: ReadonlySet<number>,
): Promise<string | null> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const now = await readGpuMemory();
    if (now === null) return null;
    const uses = now.map((reading) => useOf(reading, ours));
    const held = gpuMemoryHeld(atSpawn, before, uses);
    if (held === null) return null;
    if (performance.now() >= deadline)
      return `${gib(held.held_bytes)} of ${gib(held.taken_bytes)} of GPU memory are not given back ${seconds} s after the kill (${held.uuid})`;
    await delay(LOOK_EVERY_MS);
  }
}

/** Pids of another container's processes mean nothing here; only one that is seen alive is another's. */
function useOf({ uuid, used_bytes, processes }: GpuMemory, ours: ReadonlySet<number>): GpuUse {
  const others = processes.filter(({ pid }) => !ours.has(pid) && existsSync(`/proc/${pid}`));
  return { uuid, used_bytes, others_bytes: others.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** UUIDs of the GPUs that were there when the attempt was begun; none where there were none. */
export const notedGpus = (at: Surroundings, attempt: number): readonly string[] =>
  (notedOf(at, attempt) ?? []).map(({ uuid }) => uuid);

function notedOf(at: Surroundings, attempt: number): readonly GpuUse[] | null {
  try {
    const noted: unknown = JSON.parse(readFileSync(fileOf(at, attempt), 'utf8'));
    return Array.isArray(noted) ? (noted as GpuUse[]) : null;
  } catch {
    // No GPU, or it ended before it was noted: no evidence.
    return null;
  }
}

const fileOf = (at: Surroundings, attempt: number): string =>
  join(at.paths.attempt(attempt), 'gpu-memory.json');

const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
