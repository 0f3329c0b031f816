import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { absentIsNull } from './absent.js';
import { metadataOf } from './metadata.js';
import type { EpochCount } from './types.js';

/** The parts of a state's name that hold figures, as the named groups of `CheckpointSpec.step`. */
export type NameGroups = Readonly<Partial<Record<'base' | 'first' | 'epoch' | 'step', string>>>;

/**
 * The steps of an epoch: what a person says, else what the newest weights beside the states say in
 * their metadata, else what the states say of themselves; null when nothing does. A state of a
 * resumed run tells too few (`current_step` starts at 0 in every run), so the largest counts.
 */
export async function stepsPerEpoch(count: EpochCount): Promise<number | null> {
  if (count.batches_per_epoch !== null)
    return Math.ceil(count.batches_per_epoch / count.accumulation);
  const dir = dirname(count.stem);
  const names = ((await absentIsNull(readdir(dir))) ?? []).filter((name) =>
    isOfRun(name, basename(count.stem)),
  );
  const weights = await Promise.all(
    names
      .filter((name) => name.endsWith('.safetensors'))
      .map(async (name) => ({ name, at: (await absentIsNull(stat(join(dir, name))))?.mtimeMs })),
  );
  weights.sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
  for (const { name } of weights) {
    const told = await toldIn(join(dir, name));
    if (told !== null) return told;
  }
  const states = names.filter((name) => name.endsWith('-state'));
  const each = await Promise.all(states.map((name) => readState(join(dir, name))));
  const known = each.flatMap((at) => (at === null || at.epoch < 1 ? [] : [at.step / at.epoch]));
  return known.length === 0 ? null : Math.max(1, Math.round(Math.max(...known)));
}

/** Whether a file or folder bears a name that a run gives its weights and states; another run's name
 * may begin alike. */
export function isOfRun(name: string, run: string): boolean {
  const rest = name.startsWith(run) ? name.slice(run.length) : '';
  return /^(-from\d{6,8})?(-\d{6}|-step\d{8})?(-state|\.safetensors)$/.test(rest);
}

/**
 * The absolute step of a state of kohya's layout. A name without a figure is the state of the end:
 * null unless it ends the run that is wanted. Null too for one at or beyond the end under another
 * name: kohya's programs refuse to go on from there.
 *
 * @param each steps of an epoch
 */
export async function countedStep(
  path: string,
  groups: NameGroups,
  count: EpochCount,
  each: number,
): Promise<number | null> {
  const end = count.max_epochs === null ? count.max_steps : count.max_epochs * each;
  const before = (step: number): number | null => (end === null || step < end ? step : null);
  const base = Number(groups.base ?? 0);
  if (groups.step !== undefined) return before(base - (base % each) + Number(groups.step));
  if (groups.epoch !== undefined)
    return before((Number(groups.first ?? 0) + Number(groups.epoch)) * each);
  if (end === null) return null;
  const state = await readState(path);
  if (state === null) return count.state_tells ? null : end;
  return state.epoch === Math.ceil(end / each) ? end : null;
}

/** kohya's train_state.json; null where there is none that can be read. */
async function readState(path: string): Promise<{ epoch: number; step: number } | null> {
  const text = await absentIsNull(readFile(join(path, 'train_state.json'), 'utf8'));
  if (text === null) return null;
  try {
    const { current_epoch: epoch, current_step: step } = JSON.parse(text) as Record<
      string,
      unknown
    >;
    const whole = Number.isSafeInteger(epoch) && Number.isSafeInteger(step);
    return whole ? { epoch: epoch as number, step: step as number } : null;
  } catch {
    // Half written: verification says what is wrong with it.
    return null;
  }
}

async function toldIn(path: string): Promise<number | null> {
  const metadata = await absentIsNull(metadataOf(path));
  const batches = Number(metadata?.['ss_num_batches_per_epoch']);
  const accumulation = Number(metadata?.['ss_gradient_accumulation_steps'] ?? 1);
  const known = Number.isSafeInteger(batches) && batches > 0 && accumulation >= 1;
  return known ? Math.ceil(batches / accumulation) : null;
}
