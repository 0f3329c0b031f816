import { Block } from './block.js';
import { Linear } from './linear.js';

/** Sizes of the denoiser. The shipped base: latent 320, hidden 320, 2 blocks, 64 time features. */
export interface NetworkShape {
  readonly latent: number;
  readonly hidden: number;
  readonly blocks: number;
  readonly time: number;
}

/** The base weights by layer name: `<layer>.weight` (outputs, inputs) and `<layer>.bias`. */
export type Weights = ReadonlyMap<string, Float32Array>;

/**
 * A rectified-flow denoiser (Liu et al. 2022; the objective of FLUX): from x_t = (1-t) x0 + t eps
 * it predicts v = eps - x0. A residual perceptron, each block fed with sinusoidal features of t:
 *
 *   h = img_in(c x_t);  h += mlp_2(silu(mlp_0(h) + time(t)));  v = k x_t + s c final(h)
 *
 * where, for a latent value of deviation s, c = 1 / sqrt((1-t)^2 s^2 + t^2) and
 * k = (t - (1-t) s^2) c^2: the preconditioning of Karras et al. (2022) worked out for this path, so
 * that final() reads and aims at unit variance at any t. The deviations come with the weights.
 */
export class Network {
  readonly layers: readonly Linear[];
  private readonly imgIn: Linear;
  private readonly blocks: readonly Block[];
  private readonly final: Linear;
  private rows = 0;
  private readonly deviation: Float32Array;
  private outScale = new Float32Array(0);
  private scaled = new Float32Array(0);
  private features = new Float32Array(0);
  private h = new Float32Array(0);
  private hGrad = new Float32Array(0);
  private out = new Float32Array(0);

  constructor(
    readonly shape: NetworkShape,
    weights: Weights,
  ) {
    const layers = layerShapes(shape).map(({ name, inputs, outputs }) => {
      const weight = tensor(weights, `${name}.weight`, inputs * outputs);
      return new Linear(name, inputs, outputs, weight, tensor(weights, `${name}.bias`, outputs));
    });
    this.layers = layers;
    this.deviation = tensor(weights, 'latent.deviation', shape.latent);
    this.imgIn = layers[0]!;
    this.final = layers.at(-1)!;
    this.blocks = Array.from({ length: shape.blocks }, (_, k) => {
      const [first, time, second] = layers.slice(1 + 3 * k, 4 + 3 * k);
      return new Block(first!, time!, second!);
    });
  }

  /** v (rows, latent) for x (rows, latent) at times t (rows) in [0, 1]. */
  forward(v: Float32Array, x: Float32Array, t: Float32Array, rows: number): void {
    this.allocate(rows);
    const { latent, time } = this.shape;
    for (let b = 0; b < rows; b++) {
      for (let k = 0, i = b * latent; k < latent; k++, i++) {
        const c = inverseDeviation(t[b]!, this.deviation[k]!);
        this.scaled[i] = c * x[i]!;
        this.outScale[i] = c * this.deviation[k]!;
      }
      timeFeatures(this.features.subarray(b * time, (b + 1) * time), t[b]!);
    }
    this.imgIn.forward(this.h, this.scaled, rows);
    for (const block of this.blocks) block.forward(this.h, this.features, rows);
    this.final.forward(this.out, this.h, rows);
    for (let b = 0; b < rows; b++) {
      for (let k = 0, i = b * latent; k < latent; k++, i++) {
        const s = this.deviation[k]!;
        const skip = (t[b]! - (1 - t[b]!) * s * s) * inverseDeviation(t[b]!, s) ** 2;
        v[i] = skip * x[i]! + this.outScale[i]! * this.out[i]!;
      }
    }
  }

  /** Adds to the layers' gradients, given dv (rows, latent) of the last forward pass. */
  backward(dv: Float32Array): void {
    for (let i = 0; i < this.out.length; i++) this.out[i] = this.outScale[i]! * dv[i]!;
    this.hGrad.fill(0);
    this.final.backward(this.out, this.hGrad, this.rows);
    for (const block of this.blocks.toReversed()) block.backward(this.hGrad, this.rows);
    this.imgIn.backward(this.hGrad, null, this.rows);
  }

  private allocate(rows: number): void {
    if (rows === this.rows) return;
    const { latent, hidden, time } = this.shape;
    this.rows = rows;
    this.outScale = new Float32Array(rows * latent);
    this.scaled = new Float32Array(rows * latent);
    this.features = new Float32Array(rows * time);
    this.h = new Float32Array(rows * hidden);
    this.hGrad = new Float32Array(rows * hidden);
    this.out = new Float32Array(rows * latent);
  }
}

/** Names and sizes of all linear layers, in forward order. */
export function layerShapes(
  shape: NetworkShape,
): { name: string; inputs: number; outputs: number }[] {
  const { latent, hidden, blocks, time } = shape;
  const layers = [{ name: 'img_in', inputs: latent, outputs: hidden }];
  for (let k = 0; k < blocks; k++) {
    layers.push(
      { name: `blocks_${k}_mlp_0`, inputs: hidden, outputs: hidden },
      { name: `blocks_${k}_time`, inputs: time, outputs: hidden },
      { name: `blocks_${k}_mlp_2`, inputs: hidden, outputs: hidden },
    );
  }
  layers.push({ name: 'final_layer', inputs: hidden, outputs: latent });
  return layers;
}

/** 1 / the deviation of x_t, where x0 has deviation s and the noise 1. */
function inverseDeviation(t: number, s: number): number {
  return 1 / Math.sqrt((1 - t) ** 2 * s * s + t * t);
}

/** Sines and cosines of t at geometric frequencies from 1 to 100 rad. */
function timeFeatures(into: Float32Array, t: number): void {
  const half = into.length / 2;
  for (let k = 0; k < half; k++) {
    const angle = t * Math.exp((Math.log(100) * k) / (half - 1));
    into[k] = Math.sin(angle);
    into[half + k] = Math.cos(angle);
  }
}

function tensor(weights: Weights, name: string, length: number): Float32Array {
  const found = weights.get(name);
  if (found?.length !== length) {
    throw new Error(`base weights: ${name} should have ${length} numbers, has ${found?.length}`);
  }
  return found;
}
