import { basename, relative, resolve } from 'node:path';
import { Cannot } from '../cannot.js';
import { faultOf, finishedLora, loraNamed } from '../finished-lora.js';
import { bestInWords, bestOf } from './best.js';
import type { PublishContext } from './publish.js';
import { loraFiles, resultsOf, savedLoras } from './saved-loras.js';

/** The LoRA that goes up, and how it was chosen. */
export interface ChosenLora {
  /** Absolute. */
  readonly path: string;
  /** What it is called on the Hub. */
  readonly name: string;
  /** The folder of the job's results, with the samples and the prompts. */
  readonly folder: string;
  /** A sentence on which one it is and by what measure, for the card and the report; null for the final one, where it was asked for. */
  readonly why: string | null;
}

/**
 * The final LoRA, the best by its loss, or the saved one whose path is given. It follows from the journal
 * and the files alone, so that each try of a publishing chooses the same. Throws Cannot.
 */
export async function chosenLora(which: string, context: PublishContext): Promise<ChosenLora> {
  const folder = await resultsOf(context.artefact);
  if (which !== 'final' && which !== 'best') return await named(which, folder, context);
  const { path, name } = await finishedLora(context.artefact, context.job.name);
  if (which === 'final') return { path, name, folder, why: null };
  return { name, folder, ...(await best(path, folder, context)) };
}

async function best(
  final: string,
  folder: string,
  { job, cwd, saves, warn }: PublishContext,
): Promise<{ path: string; why: string }> {
  const { step } = job.progress;
  const earlier = (await savedLoras(saves, cwd, job.queued_at * 1000)).filter(
    ({ path }) => path !== final,
  );
  for (let whole = earlier; ; ) {
    const found = bestOf(step === null ? whole : [{ path: final, step }, ...whole], job.losses);
    if (found === null) {
      const lacks = whole.length === 0 ? 'no other is there' : 'no loss is known of them';
      const why = `This is the final LoRA: which of those saved is the best cannot be told, since ${lacks}.`;
      return { path: final, why };
    }
    const { path } = found.lora;
    const fault = path === final ? null : await faultOf(path);
    if (fault === null) return { path, why: bestInWords(found, shown(path, folder)) };
    warn(`${path} is not whole (${fault}) and is not considered`);
    whole = whole.filter((lora) => lora.path !== path);
  }
}

async function named(
  which: string,
  folder: string,
  { job, cwd, saves }: PublishContext,
): Promise<ChosenLora> {
  const path = resolve(cwd, which);
  const there = await loraFiles(saves, cwd, folder);
  if (!there.includes(path)) {
    const list = there.map((file) => relative(cwd, file)).join(', ');
    throw new Cannot(
      `${path} is none of the LoRA files that ${job.name} has saved`,
      list === '' ? `There is none in ${folder}.` : `Name one of these: ${list}.`,
      // The volume they lie on may come back.
      there.length > 0,
    );
  }
  const fault = await faultOf(path);
  if (fault !== null) {
    const others = there.filter((file) => file !== path).map((file) => relative(cwd, file));
    const remedy = others.length === 0 ? '' : `Name another: ${others.join(', ')}.`;
    throw new Cannot(`${path} is not whole: ${fault}`, remedy, true);
  }
  const why = `This is ${shown(path, folder)}, chosen by its name.`;
  return { path, name: loraNamed(path, job.name), folder, why };
}

/** Without the folders of this machine: a card may be public. */
function shown(path: string, folder: string): string {
  const inside = relative(folder, path);
  const name = inside.startsWith('..') ? basename(path) : inside;
  return `\`${name.replaceAll('`', "'")}\``;
}
