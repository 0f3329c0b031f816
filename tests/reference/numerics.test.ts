import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { adamW, adamWDefaults } from '../../trainer/reference/adamw.js';
import { lossAndGradients, makeBatch } from '../../trainer/reference/flow.js';
import { decodeLatent, encodeLatent, LATENT, SIDE } from '../../trainer/reference/latent.js';
import { attachLora } from '../../trainer/reference/lora.js';
import { timesTransposed } from '../../trainer/reference/matmul.js';
import { layerShapes, Network, type NetworkShape } from '../../trainer/reference/network.js';
import { Rng } from '../../trainer/reference/rng.js';

const shape: NetworkShape = { latent: 6, hidden: 7, blocks: 2, time: 4 };

function randomNetwork(rng: Rng): Network {
  const weights = new Map<string, Float32Array>();
  for (const { name, inputs, outputs } of layerShapes(shape)) {
    const make = (n: number) => Float32Array.from({ length: n }, () => rng.gaussian() / 2);
    weights.set(`${name}.weight`, make(inputs * outputs));
    weights.set(`${name}.bias`, make(outputs));
  }
  const deviation = Float32Array.from({ length: shape.latent }, () => rng.between(0.3, 2));
  weights.set('latent.deviation', deviation);
  return new Network(shape, weights);
}

describe('gradients', () => {
  test('of every LoRA parameter agree with finite differences of the loss', () => {
    const rng = Rng.stream(1, 'gradients');
    const network = randomNetwork(rng);
    const lora = attachLora(network, 2, 3, rng);
    for (let i = 0; i < lora.params.length; i++) lora.params[i] = rng.gaussian() / 2;
    const batch = makeBatch(5, shape.latent);
    for (let i = 0; i < batch.noisy.length; i++) {
      batch.noisy[i] = rng.gaussian();
      batch.target[i] = rng.gaussian();
    }
    for (let b = 0; b < batch.size; b++) batch.times[b] = rng.uniform();
    const loss = () => lossAndGradients(network, batch);
    loss();
    const gradients = lora.grads.slice();
    const nudge = 2 ** -7;
    let worst = 0;
    for (let i = 0; i < lora.params.length; i++) {
      const value = lora.params[i]!;
      lora.params[i] = value + nudge;
      const above = loss();
      lora.params[i] = value - nudge;
      const below = loss();
      lora.params[i] = value;
      worst = Math.max(worst, Math.abs((above - below) / (2 * nudge) - gradients[i]!));
    }
    const typical = Math.sqrt(gradients.reduce((sum, g) => sum + g * g, 0) / gradients.length);
    expect(worst).toBeLessThan(0.01 * typical);
  });

  test('a fresh LoRA leaves the base as it is', () => {
    const rng = Rng.stream(2, 'fresh');
    const network = randomNetwork(rng);
    const x = Float32Array.from({ length: 12 }, () => rng.gaussian());
    const times = Float32Array.of(0.25, 0.75);
    const [before, after] = [new Float32Array(12), new Float32Array(12)];
    network.forward(before, x, times, 2);
    attachLora(network, 2, 2, rng);
    network.forward(after, x, times, 2);
    expect(after).toEqual(before);
  });
});

test('the blocked product agrees with the plain one for every remainder of its blocks', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer({ min: 1, max: 5 }),
      fc.integer(),
      (rows, n, m, seed) => {
        const rng = Rng.stream(seed, 'product');
        const x = Float32Array.from({ length: rows * n }, () => rng.gaussian());
        const w = Float32Array.from({ length: m * n }, () => rng.gaussian());
        const y = new Float32Array(rows * m).fill(1);
        timesTransposed(y, x, w, rows, n, m, 0.5, true);
        for (let b = 0; b < rows; b++) {
          for (let o = 0; o < m; o++) {
            let sum = 0;
            for (let i = 0; i < n; i++) sum += x[b * n + i]! * w[o * n + i]!;
            expect(y[b * m + o]).toBeCloseTo(1 + 0.5 * sum, 4);
          }
        }
      },
    ),
  );
});

test('AdamW does two steps worked out by hand', () => {
  const [params, grads] = [Float32Array.of(1), Float32Array.of(0.5)];
  const [first, second] = [Float32Array.of(0), Float32Array.of(0)];
  const options = { ...adamWDefaults, lr: 0.1, weightDecay: 0.1, epsilon: 0 };
  // Step 1: both corrected moments give g / |g| = 1. w = 1 * (1 - 0.1 * 0.1) - 0.1 * 1 = 0.89.
  adamW(params, grads, first, second, 1, options);
  expect(params[0]).toBeCloseTo(0.89, 6);
  expect(first[0]).toBeCloseTo(0.05, 6);
  expect(second[0]).toBeCloseTo(0.00025, 7);
  // Step 2, g = -0.5: m = 0.9 * 0.05 - 0.1 * 0.5 = -0.005, corrected -0.005 / 0.19 = -0.0263158;
  // v = 0.00049975, corrected 0.25. w = 0.89 * 0.99 + 0.1 * 0.0263158 / 0.5 = 0.8863632.
  grads[0] = -0.5;
  adamW(params, grads, first, second, 2, options);
  expect(first[0]).toBeCloseTo(-0.005, 6);
  expect(params[0]).toBeCloseTo(0.8863632, 5);
});

test('latents keep a smooth picture', () => {
  const unit = { mean: new Float32Array(LATENT), scale: new Float32Array(LATENT).fill(1) };
  const picture = Float32Array.from({ length: SIDE * SIDE * 3 }, (_, k) => {
    const x = (Math.floor(k / 3) % SIDE) + 0.5;
    return 0.5 + 0.1 * (k % 3) * Math.cos((Math.PI * 2 * x) / SIDE);
  });
  const back = decodeLatent(encodeLatent(picture, unit), unit);
  const worst = back.reduce((most, value, k) => Math.max(most, Math.abs(value - picture[k]!)), 0);
  expect(worst).toBeLessThan(0.002); // the published factors of the colour transform have four digits
});
