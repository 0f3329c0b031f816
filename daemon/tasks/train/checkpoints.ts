import { basename } from 'node:path';
import {
  type Found,
  findCheckpoints,
  findNonFinite,
  type CheckpointRef as Stored,
} from '../../../trainer/checkpoints/index.js';
import type { CheckpointRef } from '../../core/index.js';
import type { Surroundings } from './context.js';
import { freeBytes } from './room.js';
import { nanIn } from './weights.js';

/** A step may be told of at most this many steps after it was saved under its own number. */
const SLACK_STEPS = 1;

/** Verifies, in the background, what the running trainer has saved, so that a restart waits for
 * nothing; what it saved last is read for NaNs. Bad ones are left where they are until the trainer is dead: it may still be writing. */
export async function scanCheckpoints(
  at: Surroundings,
  attempt: number,
  signal: AbortSignal,
): Promise<void> {
  const spec = at.plan.checkpoints;
  if (spec === null) return;
  const found = await at.store.scan(spec, at.plan.cwd, { ...plausible(at), signal });
  for (const stored of found.verified.reverse()) {
    const where = await nanIn(stored.path, stored.bytes, signal);
    if (where === null) await tell(at, stored);
    else {
      const { step, path, bytes } = stored;
      const checkpoint = { step, path, bytes };
      void at.observe({ is: 'weights', job: at.name, attempt, checkpoint, where });
    }
  }
  for (const { path, error } of found.problems) at.log.warn(`${path}: ${error.message}`);
}

/**
 * The checkpoint to resume from, now that nothing of the trainer is alive. Newer ones that are
 * broken are moved out of its sight: its own resume would take them.
 */
export async function chooseCheckpoint(at: Surroundings): Promise<CheckpointRef | null> {
  const spec = at.plan.checkpoints;
  if (spec === null) return null;
  const asked = freeBesideLast(at);
  const chosen = await at.store.chooseNewest({
    spec,
    cwd: at.plan.cwd,
    trainerDead: true,
    ...plausible(at),
  });
  const free = await asked;
  for (const { path, error } of chosen.problems) at.log.warn(`${path}: ${error.message}`);
  for (const { found, verdict } of chosen.bad) {
    await moveAway(at, found, `${verdict.file}: ${verdict.reason}`);
  }
  if (chosen.choice === null) return null;
  const { step, path, bytes } = chosen.choice;
  await tell(at, chosen.choice, free);
  return { step, path, bytes };
}

/** Asked beside the choice, which is most likely the checkpoint that was last told of: the next start
 * waits for both. Null where that cannot be known. */
async function freeBesideLast(at: Surroundings): Promise<{ path: string; bytes: number } | null> {
  const path = at.job()?.checkpoint?.path;
  if (path === undefined) return null;
  return freeBytes(path).then(
    (bytes) => ({ path, bytes }),
    // Its volume or folder is gone: asked again for the one that is chosen, whose error is told.
    () => null,
  );
}

/**
 * After a NaN: the newest checkpoint from before its onset whose weights were read and are all
 * finite. Those from later are moved away, since anything that looks for the newest would take them.
 */
export async function chooseFinite(
  at: Surroundings,
  below: number | null,
): Promise<CheckpointRef | null> {
  const spec = at.plan.checkpoints;
  if (spec === null) return null;
  for (const found of await findCheckpoints(spec, at.plan.cwd)) {
    if (below !== null && found.step >= below) {
      await moveAway(at, found, `saved after the loss stopped being a number at step ${below}`);
      continue;
    }
    const bad = await findNonFinite(found.path);
    if (bad === null) break;
    await moveAway(at, found, `weights that are not finite (${bad})`);
  }
  return chooseCheckpoint(at);
}

/** The trainer could not load it, whatever its files look like. */
export async function distrust(
  at: Surroundings,
  ref: CheckpointRef,
  reason: string,
): Promise<void> {
  const spec = at.plan.checkpoints;
  const all = spec === null ? [] : await findCheckpoints(spec, at.plan.cwd);
  const found = all.find(({ path }) => path === ref.path);
  if (found !== undefined)
    await moveAway(at, found, `the trainer could not resume from it: ${reason}`);
}

async function tell(
  at: Surroundings,
  { step, path, bytes }: Stored,
  known: { path: string; bytes: number } | null = null,
): Promise<void> {
  const free_bytes = known?.path === path ? known.bytes : await freeBytes(path);
  // Not awaited to the disk: the attempt that follows is, and the journal keeps the order.
  void at.observe({
    is: 'checkpoint',
    job: at.name,
    checkpoint: { step, path, bytes },
    free_bytes,
  });
}

async function moveAway(at: Surroundings, found: Found, reason: string): Promise<void> {
  try {
    const moved = await at.store.quarantine(found, reason);
    if (moved === null) return;
    const { step, path } = found;
    void at.observe({ is: 'quarantined', job: at.name, step, path, to: moved.path, reason });
  } catch (error) {
    const message = `${basename(found.path)} will not do and could not be moved away`;
    at.log.error(message, { reason, error: String(error) });
  }
}

/** Whether a checkpoint's step can be judged by the total of the run. */
export function isTotalKnown(at: Surroundings): boolean {
  return totalOf(at) !== null;
}

/** No checkpoint can be beyond the total. */
function plausible(at: Surroundings): { maxStep?: number } {
  const total = totalOf(at);
  return total === null ? {} : { maxStep: total + SLACK_STEPS };
}

function totalOf(at: Surroundings): number | null {
  const job = at.job();
  return job?.spec.target_step ?? job?.progress.total ?? null;
}
