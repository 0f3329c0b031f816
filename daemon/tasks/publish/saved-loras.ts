import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  type CheckpointSpec,
  findCheckpoints,
  stepsPerEpoch,
} from '../../../trainer/checkpoints/index.js';
import type { SavedLora } from './best.js';

/** What a checkpoint's folder calls the LoRA in it: diffusers and SimpleTuner, the embedded trainer. */
const INSIDE = ['pytorch_lora_weights.safetensors', 'lora.safetensors'];

/**
 * The LoRAs that a run saved on its way and that are still there, the latest step first. Where steps
 * are made of epochs and nothing tells how long one is, none.
 *
 * @param since Unix milliseconds: what is older is of another run
 */
export async function savedLoras(
  saves: CheckpointSpec | null,
  cwd: string,
  since: number,
): Promise<SavedLora[]> {
  if (saves === null) return [];
  if (saves.count !== undefined && (await stepsPerEpoch(saves.count)) === null) return [];
  const found = await findCheckpoints({ ...saves, since }, cwd);
  const loras = await Promise.all(
    found.map(async ({ path, step }) => {
      const lora = await loraAt(path);
      return lora === null ? null : { path: lora, step };
    }),
  );
  return loras.filter((lora) => lora !== null);
}

/** Every LoRA file by which a person may mean one of the job's: those saved, those beside the last. */
export async function loraFiles(
  saves: CheckpointSpec | null,
  cwd: string,
  folder: string,
): Promise<string[]> {
  const found = saves === null ? [] : await findCheckpoints(saves, cwd);
  const saved = await Promise.all(found.map(({ path }) => loraAt(path)));
  const beside = await readdir(folder).catch(none);
  const files = beside.filter((name) => name.endsWith('.safetensors') && !name.startsWith('.'));
  const all = [
    ...files.map((name) => join(folder, name)),
    ...saved.filter((path) => path !== null),
  ];
  return [...new Set(all)].sort();
}

async function loraAt(path: string): Promise<string | null> {
  if (await isFile(path)) return path.endsWith('.safetensors') ? path : null;
  for (const name of INSIDE) {
    const inside = join(path, name);
    if (await isFile(inside)) return inside;
  }
  return null;
}

/** The folder of a job's results. */
export async function resultsOf(artefact: string): Promise<string> {
  const isFolder = (await stat(artefact).catch(absent))?.isDirectory() ?? false;
  return isFolder ? artefact : dirname(artefact);
}

const isFile = async (path: string): Promise<boolean> =>
  (await stat(path).catch(absent))?.isFile() ?? false;

function absent(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
  throw error;
}

const none = (error: NodeJS.ErrnoException): string[] => absent(error) ?? [];
