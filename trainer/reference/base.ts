import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { TrainError } from './errors.js';
import { LATENT, type LatentScale } from './latent.js';
import { Network, type NetworkShape } from './network.js';
import { decodeSafetensors } from './safetensors.js';

export const BASE_VERSION = 'nightwarden_reference_v1';
export const BASE_SHAPE: NetworkShape = { latent: LATENT, hidden: 320, blocks: 2, time: 64 };

/** The frozen network, the scale of its latents, and the SHA-256 of the file they came from. */
export interface Base {
  readonly network: Network;
  readonly scale: LatentScale;
  readonly sha256: string;
}

/** Reads the base weights. A missing or broken file is a TrainError. */
export function loadBase(file = assetPath('base', 'base.safetensors')): Base {
  try {
    const bytes = readFileSync(file);
    const { tensors } = decodeSafetensors(bytes);
    const weights = new Map([...tensors].map(([name, { data }]) => [name, data]));
    const network = new Network(BASE_SHAPE, weights);
    const [mean, scale] = [weights.get('latent.mean'), weights.get('latent.scale')];
    if (!mean || !scale) throw new Error('latent.mean or latent.scale is missing');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    return { network, scale: { mean, scale }, sha256 };
  } catch (error) {
    throw new TrainError(`base weights ${file}: ${(error as Error).message}`);
  }
}

/**
 * A file or folder of this room's assets. They stay in the source tree when the code is compiled, so
 * it is looked for under the nearest package.json above this module, not beside it.
 */
export function assetPath(...parts: string[]): string {
  let folder = path.dirname(fileURLToPath(import.meta.url));
  while (!existsSync(path.join(folder, 'package.json'))) {
    const parent = path.dirname(folder);
    if (parent === folder)
      throw new TrainError('no package.json above the trainer: broken install');
    folder = parent;
  }
  return path.join(folder, 'trainer', 'reference', ...parts);
}
