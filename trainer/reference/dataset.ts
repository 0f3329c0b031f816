import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import sharp from 'sharp';
import { TrainError, UsageError } from './errors.js';
import { encodeLatent, type LatentScale, SIDE } from './latent.js';

/** The training images as latents, and a SHA-256 over their names and bytes. */
export interface Dataset {
  readonly latents: readonly Float32Array[];
  readonly sha256: string;
}

const EXTENSIONS = new Set(['.png', '.jpg', '.jpeg', '.webp']);

/**
 * Reads every png, jpg and webp in a folder (not in sub-folders), in the order of their names: cut to
 * the central square, resized to SIDE pixels. No such folder or no image in it is a UsageError; an
 * image that cannot be decoded is a TrainError naming it. Captions (.txt) are not used: the embedded
 * network takes no prompt.
 */
export async function loadDataset(folder: string, scale: LatentScale): Promise<Dataset> {
  let entries: string[];
  try {
    entries = readdirSync(folder);
  } catch (error) {
    throw new UsageError(`--data ${folder}: ${(error as Error).message}`);
  }
  const names = entries.filter((name) => EXTENSIONS.has(path.extname(name).toLowerCase())).sort();
  if (names.length === 0) {
    throw new UsageError(`--data ${folder}: no png, jpg or webp image in it`);
  }
  const hash = createHash('sha256');
  const latents: Float32Array[] = [];
  for (const name of names) {
    const bytes = readFileSync(path.join(folder, name));
    hash.update(`${name}\0${bytes.length}\0`).update(bytes);
    latents.push(encodeLatent(await decodeImage(bytes, path.join(folder, name)), scale));
  }
  return { latents, sha256: hash.digest('hex') };
}

async function decodeImage(bytes: Uint8Array, file: string): Promise<Float32Array> {
  try {
    const pixels = await sharp(bytes)
      .rotate() // as the camera's orientation tag says
      .resize(SIDE, SIDE, { fit: 'cover', position: 'centre' })
      .flatten()
      .toColourspace('srgb')
      .raw()
      .toBuffer();
    return Float32Array.from(pixels, (value) => value / 255);
  } catch (error) {
    throw new TrainError(`cannot decode image ${file}: ${(error as Error).message}`);
  }
}
