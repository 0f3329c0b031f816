import sharp from 'sharp';
import { decodeLatent, LATENT, type LatentScale, SIDE } from './latent.js';

const ZOOM = 6;
const GAP = 4;

/** A grid of pictures as PNG bytes, each pixel blown up to a square so that a person can see it. */
export async function gridPng(
  latents: Float32Array,
  columns: number,
  by: LatentScale,
): Promise<Uint8Array> {
  const count = latents.length / LATENT;
  const cell = SIDE * ZOOM + GAP;
  const width = columns * cell + GAP;
  const height = Math.ceil(count / columns) * cell + GAP;
  const pixels = new Uint8Array(width * height * 3).fill(24);
  for (let k = 0; k < count; k++) {
    const rgb = decodeLatent(latents.subarray(k * LATENT, (k + 1) * LATENT), by);
    const left = GAP + (k % columns) * cell;
    const top = GAP + Math.floor(k / columns) * cell;
    for (let y = 0; y < SIDE * ZOOM; y++) {
      for (let x = 0; x < SIDE * ZOOM; x++) {
        const from = 3 * (Math.floor(y / ZOOM) * SIDE + Math.floor(x / ZOOM));
        const to = 3 * ((top + y) * width + left + x);
        for (let c = 0; c < 3; c++) pixels[to + c] = Math.round(rgb[from + c]! * 255);
      }
    }
  }
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
}
