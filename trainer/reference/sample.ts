import type { Base } from './base.js';
import { eulerSample } from './flow.js';
import { LATENT } from './latent.js';
import { gridPng } from './picture.js';
import { Rng } from './rng.js';

const COUNT = 8;
const COLUMNS = 4;
const EULER_STEPS = 24;

/**
 * A PNG of eight pictures from the same noise at every call, so that samples of different steps show
 * the training alone. The noise is a stream of its own: drawing must not move the training's.
 */
export async function drawSamples(base: Base, seed: number): Promise<Uint8Array> {
  const rng = Rng.stream(seed, 'sample');
  const latents = Float32Array.from({ length: COUNT * LATENT }, () => rng.gaussian());
  eulerSample(base.network, latents, COUNT, EULER_STEPS);
  return gridPng(latents, COLUMNS, base.scale);
}
