import { SIDE } from './latent.js';
import type { Rng } from './rng.js';

/**
 * One daylight scene as RGB in [0, 1] (SIDE * SIDE * 3): a sky, the sun, hills, and a house, a
 * tower or a tree. The base network learns from an endless supply of these; a night it has never seen.
 */
export function paintScene(rng: Rng): Float32Array {
  const over = 2; // painted at twice the size and averaged, for soft edges
  const size = SIDE * over;
  const canvas = new Float32Array(size * size * 3);
  sky(canvas, size, rng);
  disc(canvas, size, rng.between(0.1, 0.9), rng.between(0.08, 0.4), rng.between(0.05, 0.13), [
    rng.between(0.9, 1),
    rng.between(0.85, 0.95),
    rng.between(0.5, 0.7),
  ]);
  const ground = rng.between(0.6, 0.8);
  hills(canvas, size, ground - rng.between(0.02, 0.2), tint(rng, [0.45, 0.6, 0.5], 0.08), rng);
  hills(canvas, size, ground, tint(rng, [0.35, 0.6, 0.25], 0.08), rng);
  const things = 1 + Math.floor(rng.uniform() * 2);
  for (let k = 0; k < things; k++) thing(canvas, size, ground, rng);
  return shrink(canvas, size, over);
}

type Colour = readonly [number, number, number];

function sky(canvas: Float32Array, size: number, rng: Rng): void {
  const top = tint(rng, [0.35, 0.6, 0.9], 0.1);
  const low = tint(rng, [0.8, 0.85, 0.9], 0.08);
  for (let y = 0; y < size; y++) {
    const f = y / size;
    for (let x = 0; x < size; x++) {
      for (let c = 0; c < 3; c++) canvas[3 * (y * size + x) + c] = top[c]! * (1 - f) + low[c]! * f;
    }
  }
}

function hills(canvas: Float32Array, size: number, level: number, colour: Colour, rng: Rng): void {
  const height = rng.between(0, 0.08);
  const wave = rng.between(3, 12);
  const phase = rng.between(0, 2 * Math.PI);
  fill(canvas, size, colour, (x, y) => y > level + height * Math.sin(wave * x + phase));
}

function thing(canvas: Float32Array, size: number, ground: number, rng: Rng): void {
  const x = rng.between(0.15, 0.85);
  const foot = ground + rng.between(0.02, 0.12);
  const kind = Math.floor(rng.uniform() * 3);
  const height = rng.between(0.12, kind === 1 ? 0.5 : 0.3);
  const half = kind === 1 ? rng.between(0.03, 0.07) : rng.between(0.07, 0.16);
  const colour = tint(rng, kind === 2 ? [0.2, 0.45, 0.2] : [0.75, 0.6, 0.5], 0.1);
  const top = foot - height;
  if (kind === 2) {
    fill(canvas, size, [0.4, 0.28, 0.15], (u, v) => Math.abs(u - x) < 0.02 && v > top && v < foot);
    disc(canvas, size, x, top, half, colour);
    return;
  }
  fill(canvas, size, colour, (u, v) => Math.abs(u - x) < half && v > top && v < foot);
  const roof = tint(rng, [0.7, 0.3, 0.25], 0.08);
  const rise = rng.between(0.06, 0.14);
  fill(
    canvas,
    size,
    roof,
    (u, v) => v <= top && Math.abs(u - x) < (1.15 * half * (v - top + rise)) / rise,
  );
  const pane = tint(rng, [0.5, 0.6, 0.7], 0.15);
  const y = top + height * rng.between(0.25, 0.6);
  fill(canvas, size, pane, (u, v) => Math.abs(u - x) < half / 2.2 && Math.abs(v - y) < 0.035);
}

function disc(
  canvas: Float32Array,
  size: number,
  x: number,
  y: number,
  radius: number,
  colour: Colour,
): void {
  fill(canvas, size, colour, (u, v) => (u - x) ** 2 + (v - y) ** 2 < radius * radius);
}

function fill(
  canvas: Float32Array,
  size: number,
  colour: Colour,
  inside: (x: number, y: number) => boolean,
): void {
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      if (inside((x + 0.5) / size, (y + 0.5) / size)) canvas.set(colour, 3 * (y * size + x));
    }
  }
}

function tint(rng: Rng, colour: Colour, spread: number): Colour {
  const shift = (base: number) => Math.min(1, Math.max(0, base + rng.between(-spread, spread)));
  return [shift(colour[0]), shift(colour[1]), shift(colour[2])];
}

function shrink(canvas: Float32Array, size: number, over: number): Float32Array {
  const small = new Float32Array(SIDE * SIDE * 3);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const to = 3 * (Math.floor(y / over) * SIDE + Math.floor(x / over));
      for (let c = 0; c < 3; c++) small[to + c]! += canvas[3 * (y * size + x) + c]! / over ** 2;
    }
  }
  return small;
}
