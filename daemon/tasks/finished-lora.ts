import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { verifyCheckpoint } from '../../trainer/checkpoints/index.js';
import { Cannot } from './cannot.js';

export interface FinishedLora {
  readonly path: string;
  /** The job's name and the file's own ending: what it is called wherever it goes. */
  readonly name: string;
  readonly bytes: number;
}

/** What diffusers calls every LoRA. */
const GENERIC = 'pytorch_lora_weights.safetensors';
const TRAIN_AGAIN = 'Train the job again (nightwarden run), or put the file back.';

/**
 * The LoRA that a finished job has left, whole as far as its format tells. Where the artefact is a
 * folder it is the file in it that bears the job's name, diffusers' generic one, or the only one.
 * Throws Cannot.
 */
export async function finishedLora(artefact: string, job: string): Promise<FinishedLora> {
  const path = await fileOf(artefact, job);
  const fault = await faultOf(path);
  if (fault !== null) throw new Cannot(`${path} is not whole: ${fault}`, TRAIN_AGAIN, true);
  return { path, name: loraNamed(path, job), bytes: (await stat(path)).size };
}

export const loraNamed = (path: string, job: string): string => `${job}${extname(path)}`;

/** Why a file is not whole, as far as its format tells; null where it is. */
export async function faultOf(path: string): Promise<string | null> {
  const { mtimeMs: mtime_ms } = await stat(path);
  const found = { path, step: 0, kind: 'file', mtime_ms } as const;
  const verdict = await verifyCheckpoint(found, { hash: false });
  return verdict.ok ? null : verdict.reason;
}

async function fileOf(artefact: string, job: string): Promise<string> {
  const found = await stat(artefact).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    // Not permanent: the volume it lies on may come back.
    throw new Cannot(`${artefact} is not there`, TRAIN_AGAIN, false);
  });
  if (!found.isDirectory()) return artefact;
  const files = (await readdir(artefact)).filter((name) => name.endsWith('.safetensors'));
  const wanted = [`${job}.safetensors`, GENERIC].find((name) => files.includes(name));
  const [only, another] = files;
  const name = wanted ?? (another === undefined ? only : undefined);
  if (name !== undefined) return join(artefact, name);
  const seen = files.length === 0 ? 'no .safetensors file' : `several: ${files.sort().join(', ')}`;
  throw new Cannot(
    `which file in ${artefact} is the LoRA cannot be told (${seen})`,
    'Name the file itself under done.artefact in the job file.',
    true,
  );
}
