import { basename } from 'node:path';
import { AdapterError } from './errors.js';
import type { Knob, TrainerPlan } from './types.js';

/** How many of a plan's knobs are turned. */
export interface Turned {
  oom: number;
  host_oom: number;
  nan: number;
}

/** What the turned knobs add to the arguments and the environment of an attempt. */
export function knobsOf(plan: TrainerPlan, turned: Turned): Knob {
  const { oom, host_oom, nan } = plan.remedies;
  const knobs = [...oom.slice(0, turned.oom), ...host_oom.slice(0, turned.host_oom)];
  if (nan !== null && turned.nan > 0) knobs.push(seeded(nan, turned.nan));
  return {
    args: knobs.flatMap((knob) => knob.args),
    env: Object.assign({}, ...knobs.map((knob) => knob.env)) as Record<string, string>,
  };
}

function seeded(knob: Knob, seed: number): Knob {
  return { ...knob, args: knob.args.map((word) => word.replaceAll('{seed}', String(seed))) };
}

/**
 * The arguments of one attempt: the plan's own, and behind them the resume arguments when there
 * is a verified checkpoint. Placeholders: {checkpoint} its path, {checkpoint_name} the last part
 * of that, {step} its step, {epoch} what the group `epoch` of `checkpoints.step` finds in its path.
 *
 * Throws an AdapterError when {epoch} is asked for and the path does not tell it.
 */
export function resumeArgs(
  plan: TrainerPlan,
  checkpoint: { path: string; step: number } | null,
): string[] {
  if (!checkpoint || !plan.resume) return [...plan.argv];
  const value = (name: string): string | null => {
    switch (name) {
      case 'checkpoint':
        return checkpoint.path;
      case 'checkpoint_name':
        return basename(checkpoint.path);
      case 'step':
        return String(checkpoint.step);
      case 'epoch':
        return epochOf(plan, checkpoint.path);
      default:
        return null;
    }
  };
  // One pass over each argument: a path that happens to hold "{step}" is not filled in again.
  const filled = plan.resume.args.map((argument) =>
    argument.replace(/\{([a-z_]+)\}/g, (braces, name: string) => value(name) ?? braces),
  );
  return [...plan.argv, ...filled];
}

function epochOf(plan: TrainerPlan, path: string): string {
  // The last match counts, as it does for the step: a folder higher up may look alike.
  const pattern = new RegExp(plan.checkpoints?.step ?? '', 'g');
  const epoch = [...path.matchAll(pattern)].at(-1)?.groups?.['epoch'];
  if (epoch !== undefined) return epoch;
  throw new AdapterError(
    'resume.args',
    `an epoch in the path ${path} for the placeholder {epoch}`,
    'Write the groups (?<epoch>…) and (?<step>…) in checkpoints.step.',
  );
}
