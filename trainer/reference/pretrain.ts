/**
 * Makes base/base.safetensors: trains the network on daylight scenes that it paints itself.
 *
 *   node dist/trainer/reference/pretrain.js [STEPS]
 *
 * About five minutes on one core. Run by hand when the network or the scenes change; every
 * LoRA and checkpoint made before then names another base and no longer fits.
 */
import { writeFileSync } from 'node:fs';
import { adamW, adamWDefaults } from './adamw.js';
import { assetPath, BASE_SHAPE, BASE_VERSION } from './base.js';
import { addNoise, eulerSample, lossAndGradients, makeBatch } from './flow.js';
import { encodeLatent, LATENT, type LatentScale, LUMA, latentRadius } from './latent.js';
import { layerShapes, Network } from './network.js';
import { gridPng } from './picture.js';
import { Rng } from './rng.js';
import { encodeSafetensors, type Tensor } from './safetensors.js';
import { paintScene } from './scenes.js';

const SEED = 20240801;
const BATCH = 32;
const PEAK_LR = 2e-3;
const COARSEST = 2; // deviation of the mean brightness, in units of the noise
const steps = Number(process.argv[2] ?? 3000);
const rng = Rng.stream(SEED, 'pretrain');

const { scale, spread, scenes } = prepare(12_000);
const { weights, grads, names } = initialWeights();
const network = new Network(BASE_SHAPE, names);
network.layers.forEach((layer) => {
  layer.baseGrad = {
    weight: viewOf(grads, weights, layer.weight),
    bias: viewOf(grads, weights, layer.bias),
  };
});
const [first, second] = [new Float32Array(weights.length), new Float32Array(weights.length)];
const mean = new Float32Array(weights.length); // the average of the weights, which is what is kept
const batch = makeBatch(BATCH, LATENT);
let running = 0;
for (let step = 1; step <= steps; step++) {
  for (let b = 0; b < BATCH; b++) {
    batch.clean.set(scenes[Math.floor(rng.uniform() * scenes.length)]!, b * LATENT);
  }
  addNoise(batch, rng);
  grads.fill(0);
  const loss = lossAndGradients(network, batch);
  const lr =
    PEAK_LR * Math.min(1, step / 100) * (0.02 + 0.49 * (1 + Math.cos((Math.PI * step) / steps)));
  adamW(weights, grads, first, second, step, { ...adamWDefaults, lr });
  for (const layer of network.layers) layer.refresh();
  const keep = Math.min(0.998, step / (step + 10));
  for (let i = 0; i < mean.length; i++) mean[i] = keep * mean[i]! + (1 - keep) * weights[i]!;
  running = step === 1 ? loss : 0.98 * running + 0.02 * loss;
  if (step % 100 === 0) console.log(`step ${step}/${steps} loss ${running.toFixed(4)}`);
}

weights.set(mean);
for (const layer of network.layers) layer.refresh();
const tensors = new Map<string, Tensor>();
for (const { name, inputs, outputs } of layerShapes(BASE_SHAPE)) {
  tensors.set(`${name}.weight`, { shape: [outputs, inputs], data: names.get(`${name}.weight`)! });
  tensors.set(`${name}.bias`, { shape: [outputs], data: names.get(`${name}.bias`)! });
}
tensors.set('latent.mean', { shape: [LATENT], data: scale.mean });
tensors.set('latent.scale', { shape: [LATENT], data: scale.scale });
tensors.set('latent.deviation', { shape: [LATENT], data: spread });
const metadata = { model: BASE_VERSION, steps: String(steps), seed: String(SEED) };
writeFileSync(
  assetPath('base', 'base.safetensors'),
  encodeSafetensors({ tensors, metadata }, true),
);
const noise = Float32Array.from({ length: 8 * LATENT }, () => rng.gaussian());
eulerSample(network, noise, 8, 24);
writeFileSync(assetPath('base', 'base-samples.png'), await gridPng(noise, 4, scale));

/**
 * Paints the scenes and measures each latent value: its mean, and its deviation pooled over the values
 * of one frequency band and plane. Only half of the deviation (as a power) is divided out: coarse
 * shapes then stand out of the noise before fine ones, as in a picture with white noise on it.
 */
function prepare(count: number) {
  const plain: LatentScale = {
    mean: new Float32Array(LATENT),
    scale: new Float32Array(LATENT).fill(1),
  };
  const seen = Array.from({ length: count }, () => encodeLatent(paintScene(rng), plain));
  const average = Float32Array.from({ length: LATENT }, (_, k) => {
    return seen.reduce((sum, latent) => sum + latent[k]!, 0) / count;
  });
  const variance = Float32Array.from({ length: LATENT }, (_, k) => {
    return seen.reduce((sum, latent) => sum + (latent[k]! - average[k]!) ** 2, 0) / count;
  });
  const band = (k: number) => `${k < LUMA ? 'luma' : 'chroma'}${Math.round(latentRadius(k))}`;
  const deviation = Float32Array.from({ length: LATENT }, (_, k) => {
    const peers = Array.from(variance.keys()).filter((j) => band(j) === band(k));
    return Math.sqrt(peers.reduce((sum, j) => sum + variance[j]!, 0) / peers.length);
  });
  const left = deviation.map((d) => Math.sqrt(d / deviation[0]!) * COARSEST);
  const scale: LatentScale = { mean: average, scale: deviation.map((d, k) => d / left[k]!) };
  const scenes = seen.map((raw) => raw.map((v, k) => (v - average[k]!) / scale.scale[k]!));
  return { scale, spread: left, scenes };
}

/** One flat array of weights with named views, so that AdamW runs over all of them at once. */
function initialWeights() {
  const shapes = layerShapes(BASE_SHAPE);
  const total = shapes.reduce((sum, { inputs, outputs }) => sum + (inputs + 1) * outputs, 0);
  const flat = new Float32Array(total);
  const names = new Map<string, Float32Array>();
  let at = 0;
  for (const { name, inputs, outputs } of shapes) {
    const weight = flat.subarray(at, at + inputs * outputs);
    const gain = name.endsWith('mlp_2') || name === 'final_layer' ? 0.1 : 1;
    for (let i = 0; i < weight.length; i++) weight[i] = (gain * rng.gaussian()) / Math.sqrt(inputs);
    names.set(`${name}.weight`, weight);
    names.set(`${name}.bias`, flat.subarray(at + weight.length, at + weight.length + outputs));
    at += weight.length + outputs;
  }
  names.set('latent.deviation', spread);
  return { weights: flat, grads: new Float32Array(total), names };
}

function viewOf(target: Float32Array, source: Float32Array, view: Float32Array): Float32Array {
  const from = (view.byteOffset - source.byteOffset) / 4;
  return target.subarray(from, from + view.length);
}
