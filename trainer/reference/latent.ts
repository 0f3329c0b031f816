/** Side of the pictures in pixels, and the number of latent values of one. */
export const SIDE = 24;
export const LUMA = 224;
export const CHROMA = 48;
export const LATENT = LUMA + 2 * CHROMA;

/** What brings each latent value to zero mean and about unit variance; shipped with the base weights. */
export interface LatentScale {
  readonly mean: Float32Array;
  readonly scale: Float32Array;
}

const PIXELS = SIDE * SIDE;
/** The orthonormal DCT-II matrix: row u is the cosine of frequency u (Ahmed et al., 1974). */
const COSINES = Float64Array.from({ length: PIXELS }, (_, k) => {
  const u = Math.floor(k / SIDE);
  const x = k % SIDE;
  const norm = Math.sqrt((u === 0 ? 1 : 2) / SIDE);
  return norm * Math.cos((Math.PI * (2 * x + 1) * u) / (2 * SIDE));
});
const COSINES_TRANSPOSED = COSINES.map(
  (_, k) => COSINES[(k % SIDE) * SIDE + Math.floor(k / SIDE)]!,
);
/** All frequencies (as u * SIDE + v), the lowest first. */
const LOW_FIRST = Array.from({ length: PIXELS }, (_, k) => k).sort(
  (a, b) => radius(a) - radius(b) || a - b,
);

/** Distance of a frequency from the constant one; 0 for the latent values' mean colour. */
export function latentRadius(index: number): number {
  const within = index < LUMA ? index : (index - LUMA) % CHROMA;
  return Math.sqrt(radius(LOW_FIRST[within]!));
}

/**
 * The fixed counterpart of FLUX's autoencoder: RGB (SIDE * SIDE * 3, in [0, 1]) to brightness and two
 * colour differences (JPEG's, ITU-R BT.601), of each the lowest frequencies of its cosine transform.
 * 320 numbers for 1,728, the colour coarser than the brightness, as in JPEG.
 */
export function encodeLatent(rgb: Float32Array, by: LatentScale): Float32Array {
  const planes = [0, 1, 2].map(() => new Float64Array(PIXELS));
  for (let p = 0; p < PIXELS; p++) {
    const [r, g, b] = [rgb[3 * p]!, rgb[3 * p + 1]!, rgb[3 * p + 2]!];
    const luma = 0.299 * r + 0.587 * g + 0.114 * b;
    planes[0]![p] = luma;
    planes[1]![p] = 0.564 * (b - luma);
    planes[2]![p] = 0.713 * (r - luma);
  }
  const latent = new Float32Array(LATENT);
  eachPlane((plane, count, from) => {
    const frequencies = transform(planes[plane]!, false);
    for (let k = 0; k < count; k++) {
      const at = from + k;
      latent[at] = (frequencies[LOW_FIRST[k]!]! - by.mean[at]!) / by.scale[at]!;
    }
  });
  return latent;
}

/** Back to RGB in [0, 1], clipped. */
export function decodeLatent(latent: Float32Array, by: LatentScale): Float32Array {
  const planes: Float64Array[] = [];
  eachPlane((_, count, from) => {
    const frequencies = new Float64Array(PIXELS);
    for (let k = 0; k < count; k++) {
      const at = from + k;
      frequencies[LOW_FIRST[k]!] = latent[at]! * by.scale[at]! + by.mean[at]!;
    }
    planes.push(transform(frequencies, true));
  });
  const rgb = new Float32Array(PIXELS * 3);
  for (let p = 0; p < PIXELS; p++) {
    const [luma, blue, red] = [planes[0]![p]!, planes[1]![p]!, planes[2]![p]!];
    rgb[3 * p] = clip(luma + 1.402 * red);
    rgb[3 * p + 1] = clip(luma - 0.344136 * blue - 0.714136 * red);
    rgb[3 * p + 2] = clip(luma + 1.772 * blue);
  }
  return rgb;
}

function eachPlane(visit: (plane: number, count: number, from: number) => void): void {
  visit(0, LUMA, 0);
  visit(1, CHROMA, LUMA);
  visit(2, CHROMA, LUMA + CHROMA);
}

/** C P C^T, or C^T P C for the inverse: C is orthonormal. */
function transform(plane: Float64Array, inverse: boolean): Float64Array {
  const matrix = inverse ? COSINES_TRANSPOSED : COSINES;
  const rows = new Float64Array(PIXELS);
  const result = new Float64Array(PIXELS);
  for (let y = 0; y < SIDE; y++) {
    for (let v = 0; v < SIDE; v++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += matrix[v * SIDE + x]! * plane[y * SIDE + x]!;
      rows[v * SIDE + y] = sum;
    }
  }
  for (let u = 0; u < SIDE; u++) {
    for (let v = 0; v < SIDE; v++) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += matrix[u * SIDE + y]! * rows[v * SIDE + y]!;
      result[u * SIDE + v] = sum;
    }
  }
  return result;
}

function radius(k: number): number {
  return Math.floor(k / SIDE) ** 2 + (k % SIDE) ** 2;
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value)); // NaN stays NaN: a poisoned picture must look it
}
