import type { Network } from './network.js';
import type { Rng } from './rng.js';

/** Buffers of one batch: clean latents, noisy latents, times, targets, predictions, gradients. */
export interface Batch {
  readonly size: number;
  readonly clean: Float32Array;
  readonly noisy: Float32Array;
  readonly times: Float32Array;
  readonly target: Float32Array;
  readonly predicted: Float32Array;
}

export function makeBatch(size: number, latent: number): Batch {
  const make = () => new Float32Array(size * latent);
  return {
    size,
    clean: make(),
    noisy: make(),
    times: new Float32Array(size),
    target: make(),
    predicted: make(),
  };
}

/**
 * Fills times, noisy latents and targets for the clean latents in the batch. Times are stratified
 * over [0, 1): one in each of `size` equal slices, which takes much of the noise out of the loss.
 */
export function addNoise(batch: Batch, rng: Rng): void {
  const latent = batch.clean.length / batch.size;
  for (let b = 0; b < batch.size; b++) {
    const t = (b + rng.uniform()) / batch.size;
    batch.times[b] = t;
    for (let i = b * latent; i < (b + 1) * latent; i++) {
      const noise = rng.gaussian();
      const x = batch.clean[i]!;
      batch.noisy[i] = (1 - t) * x + t * noise;
      batch.target[i] = noise - x;
    }
  }
}

/**
 * The flow-matching loss of a noised batch, mean((v - (eps - x0))^2), and its gradients added into
 * the network's layers. `predicted` holds the gradient afterwards.
 */
export function lossAndGradients(network: Network, batch: Batch): number {
  const { predicted, target } = batch;
  network.forward(predicted, batch.noisy, batch.times, batch.size);
  let sum = 0;
  for (let i = 0; i < predicted.length; i++) {
    const error = predicted[i]! - target[i]!;
    sum += error * error;
    predicted[i] = (2 * error) / predicted.length;
  }
  network.backward(predicted);
  return sum / predicted.length;
}

/**
 * Pictures from noise by Euler's method, from t = 1 (noise) down to t = 0: x -= v dt.
 * `x` (count, latent) starts as standard normal noise and ends as latents, in place.
 */
export function eulerSample(network: Network, x: Float32Array, count: number, steps: number): void {
  const v = new Float32Array(x.length);
  const times = new Float32Array(count);
  for (let k = steps; k > 0; k--) {
    times.fill(k / steps);
    network.forward(v, x, times, count);
    for (let i = 0; i < x.length; i++) x[i]! -= v[i]! / steps;
  }
}
