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
 * The arguments of one attempt: the plan's own, and with them the resume arguments when there is a
 * verified checkpoint. Placeholders: {checkpoint} its path, {checkpoint_name} the last part of that,
 * {step} its step, {epoch} what the group `epoch` of `checkpoints.step` finds in its path,
 * {next_epoch} the number after that; {padded_step} and {padded_epoch} in kohya's widths,
 * {epochs_left} and {steps_left} up to what the run is to reach.
 *
 * Throws an AdapterError when an epoch is asked for and the path does not tell it.
 */
export function resumeArgs(
  plan: TrainerPlan,
  checkpoint: { path: string; step: number } | null,
): string[] {
  if (!checkpoint || !plan.resume) return [...plan.argv];
  const { args, by_step, around = [], finished } = plan.resume;
  const groups = groupsOf(plan, checkpoint.path);
  const value = placeholders(plan, checkpoint, groups);
  // One pass over each argument: a path that happens to hold "{step}" is not filled in again.
  const filled = (words: readonly string[]): string[] =>
    words.map((word) =>
      word.replace(/\{([a-z_]+)\}/g, (braces, name: string) => value(name) ?? braces),
    );
  const isEnd = groups.epoch === undefined && groups.step === undefined;
  if (finished !== undefined && isEnd) return filled(finished);
  const more = by_step !== undefined && groups.step !== undefined ? by_step : args;
  return [...filled(around), ...plan.argv, ...filled(more)];
}

type Groups = Readonly<Partial<Record<'epoch' | 'first' | 'step', string>>>;

function groupsOf(plan: TrainerPlan, path: string): Groups {
  // The last match counts, as it does for the step: a folder higher up may look alike.
  const pattern = new RegExp(plan.checkpoints?.step ?? '', 'g');
  return [...path.matchAll(pattern)].at(-1)?.groups ?? {};
}

function placeholders(
  plan: TrainerPlan,
  checkpoint: { path: string; step: number },
  groups: Groups,
): (name: string) => string | null {
  const { step, path } = checkpoint;
  const { max_epochs = null, max_steps = null } = plan.checkpoints?.count ?? {};
  const written = (): string => groups.epoch ?? noEpoch(path);
  const epoch = (): number => Number(groups.first ?? 0) + Number(written());
  return (name) => {
    switch (name) {
      case 'checkpoint':
        return path;
      case 'checkpoint_name':
        return basename(path);
      case 'step':
        return String(step);
      case 'padded_step':
        return String(step).padStart(8, '0');
      case 'epoch':
        return written();
      case 'next_epoch':
        return String(epoch() + 1);
      case 'padded_epoch':
        return String(epoch()).padStart(6, '0');
      case 'epochs_left':
        return max_epochs === null ? null : String(max_epochs - epoch());
      case 'steps_left':
        return max_steps === null ? null : String(max_steps - step);
      default:
        return null;
    }
  };
}

function noEpoch(path: string): never {
  throw new AdapterError(
    'resume.args',
    `an epoch in the path ${path} for the placeholder {epoch}`,
    'Write the groups (?<epoch>…) and (?<step>…) in checkpoints.step.',
  );
}
