import type { FollowUpOutcome } from '../../core/index.js';
import { Cannot, failureOf } from '../cannot.js';
import { finishedLora } from '../finished-lora.js';
import { type By, place } from './place.js';
import { findLoraFolders } from './tools.js';

/** What is journalled of a delivery. */
export interface DeliverSpec {
  /** Folders, absolute; the word `auto` stands for those of the tools that are found. */
  readonly to: readonly string[];
  readonly by: By;
}

export interface DeliverContext {
  readonly job: string;
  /** The job's artefact: the LoRA, or the folder that holds it. */
  readonly artefact: string;
  readonly env: NodeJS.ProcessEnv;
  /** Where tools are looked for besides the home; by default the usual places. */
  readonly bases?: readonly string[];
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

/**
 * Puts the finished LoRA, under its job's name, into every folder. Safe to repeat: where it lies
 * already nothing is done. One folder that refuses keeps it from no other.
 */
export async function deliver(
  spec: DeliverSpec,
  context: DeliverContext,
): Promise<FollowUpOutcome> {
  const places: string[] = [];
  const failures: Extract<FollowUpOutcome, { is: 'failed' }>[] = [];
  try {
    const lora = await finishedLora(context.artefact, context.job);
    for (const folder of await foldersOf(spec, context)) {
      try {
        places.push(await place(lora, folder, spec.by, context.signal));
      } catch (error) {
        context.signal.throwIfAborted();
        failures.push(failureOf(error));
      }
    }
  } catch (error) {
    context.signal.throwIfAborted();
    return failureOf(error);
  }
  return failures.length === 0 ? { is: 'done', places } : summary(places, failures);
}

function summary(
  places: readonly string[],
  failures: readonly Extract<FollowUpOutcome, { is: 'failed' }>[],
): FollowUpOutcome {
  const done = places.length === 0 ? '' : ` (it is in ${places.join(', ')})`;
  return {
    is: 'failed',
    reason: failures.map(({ reason }) => reason).join('; ') + done,
    remedy: [...new Set(failures.map(({ remedy }) => remedy))].join(' ').trim(),
    permanent: failures.every(({ permanent }) => permanent),
    retry_after: null,
  };
}

async function foldersOf(spec: DeliverSpec, context: DeliverContext): Promise<string[]> {
  const folders: string[] = [];
  for (const to of spec.to) {
    if (to !== 'auto') folders.push(to);
    else folders.push(...(await found(context)));
  }
  return [...new Set(folders)];
}

async function found({ env, warn, bases }: DeliverContext): Promise<string[]> {
  const { folders, looked } = await findLoraFolders(env, warn, bases);
  if (folders.length > 0) return folders;
  throw new Cannot(
    `neither ComfyUI nor A1111 or Forge was found under ${looked.join(', ')}`,
    'Name the folder: deliver: [/path/to/models/loras] in the job file, or nightwarden deliver JOB FOLDER.',
    true,
  );
}
