import { basename } from 'node:path';
import type { BadCheckpoint, CheckpointRef as Stored } from '../../../trainer/checkpoints/index.js';
import type { CheckpointRef } from '../../core/index.js';
import type { Surroundings } from './context.js';

/** A step may be told of at most this many steps after it was saved under its own number. */
const SLACK_STEPS = 1;

/** Verifies, in the background, what the running trainer has saved, so that a restart waits for
 * nothing. Bad ones are left where they are until the trainer is dead: it may still be writing. */
export async function scanCheckpoints(at: Surroundings, signal: AbortSignal): Promise<void> {
  const spec = at.plan.checkpoints;
  if (spec === null) return;
  const found = await at.store.scan(spec, at.plan.cwd, { ...plausible(at), signal });
  for (const stored of found.verified.reverse()) await tell(at, stored);
  for (const { path, error } of found.problems) at.log.warn(`${path}: ${error.message}`);
}

/**
 * The checkpoint to resume from, now that nothing of the trainer is alive. Newer ones that are
 * broken are moved out of its sight: its own resume would take them.
 */
export async function chooseCheckpoint(at: Surroundings): Promise<CheckpointRef | null> {
  const spec = at.plan.checkpoints;
  if (spec === null) return null;
  const chosen = await at.store.chooseNewest({
    spec,
    cwd: at.plan.cwd,
    trainerDead: true,
    ...plausible(at),
  });
  for (const { path, error } of chosen.problems) at.log.warn(`${path}: ${error.message}`);
  for (const bad of chosen.bad) await quarantine(at, bad);
  if (chosen.choice === null) return null;
  await tell(at, chosen.choice);
  return { step: chosen.choice.step, path: chosen.choice.path, bytes: chosen.choice.bytes };
}

async function tell(at: Surroundings, { step, path, bytes }: Stored): Promise<void> {
  // Not awaited to the disk: the attempt that follows is, and the journal keeps the order.
  void at.observe({ is: 'checkpoint', job: at.name, checkpoint: { step, path, bytes } });
}

async function quarantine(at: Surroundings, bad: BadCheckpoint): Promise<void> {
  const { path, step } = bad.found;
  const reason = `${bad.verdict.file}: ${bad.verdict.reason}`;
  try {
    const moved = await at.store.quarantine(bad.found, reason);
    if (moved === null) return;
    void at.observe({ is: 'quarantined', job: at.name, step, path, to: moved.path, reason });
  } catch (error) {
    at.log.error(`${basename(path)} is broken and could not be moved away`, {
      reason,
      error: String(error),
    });
  }
}

/** No checkpoint can be beyond the last step seen or the total. */
function plausible(at: Surroundings): { maxStep?: number } {
  const job = at.job();
  const total = job?.spec.target_step ?? job?.progress.total ?? null;
  return total === null ? {} : { maxStep: total + SLACK_STEPS };
}
