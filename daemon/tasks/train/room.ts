import { rm, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { findCheckpoints, fingerprint } from '../../../trainer/checkpoints/index.js';
import type { Surroundings } from './context.js';

/** Verified checkpoints that are never removed, however full the disk is: the newest, and one before
 * it should the newest prove unusable. */
const KEPT = 2;
/** Room asked for beyond two checkpoints, in bytes: logs, samples, the artefact. */
const BESIDES = 64 * 1024 * 1024;
/** Room without which no attempt can be started where the state lies, in bytes: its folder, its log,
 * its heartbeats. */
const TO_START = 256 * 1024;

/** Bytes free on the volume that holds `path`. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(dirname(path));
  return bavail * bsize;
}

/**
 * Makes room for the next checkpoint by removing older verified ones, the oldest first, and only as
 * many as are needed. Tells how much room there is and how much a save takes.
 */
export async function makeRoom(at: Surroundings): Promise<void> {
  const spec = at.plan.checkpoints;
  const job = at.job();
  const size = job?.checkpoint?.bytes ?? 0;
  const needed_bytes = 2 * size + BESIDES;
  const pruned: string[] = [];
  let pruned_bytes = 0;
  const volume = job?.checkpoint?.path ?? `${at.plan.cwd}/.`;
  let free_bytes = await freeBytes(volume);
  const newestFirst = spec === null ? [] : await verifiedOf(at);
  for (const { path, bytes } of newestFirst.slice(KEPT).reverse()) {
    if (free_bytes >= needed_bytes) break;
    await rm(path, { recursive: true, force: true });
    pruned.push(path);
    pruned_bytes += bytes;
    free_bytes = await freeBytes(volume);
  }
  const { state, logs } = at.home;
  for (const folder of [state, logs]) {
    const left = await freeBytes(`${folder}/.`);
    if (left < TO_START) free_bytes = Math.min(free_bytes, left);
  }
  await at.observe({ is: 'room', job: at.name, free_bytes, needed_bytes, pruned, pruned_bytes });
}

/** Checkpoints that were verified and are still what they were then, newest first. */
async function verifiedOf(at: Surroundings): Promise<{ path: string; bytes: number }[]> {
  const spec = at.plan.checkpoints;
  if (spec === null) return [];
  const good: { path: string; bytes: number }[] = [];
  for (const found of await findCheckpoints(spec, at.plan.cwd)) {
    if (!(await at.store.isVerified(found))) continue;
    good.push({ path: found.path, bytes: (await fingerprint(found.path)).bytes });
  }
  return good;
}
