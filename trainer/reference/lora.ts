import type { Network } from './network.js';
import type { Rng } from './rng.js';
import type { Tensor } from './safetensors.js';

/** The LoRA of all layers in flat arrays: parameters, gradients and AdamW's two moments. */
export interface Lora {
  readonly rank: number;
  readonly alpha: number;
  readonly params: Float32Array;
  readonly grads: Float32Array;
  readonly first: Float32Array;
  readonly second: Float32Array;
  /** Where each tensor lies in the flat arrays, by its published key. */
  readonly slots: readonly Slot[];
}

interface Slot {
  readonly key: string;
  readonly shape: readonly [number, number];
  readonly from: number;
  readonly to: number;
}

/**
 * Attaches a LoRA to every linear layer of the network: down Gaussian with deviation 1/rank of the
 * input's, up zero, so that training starts from the base exactly. Keys are kohya's:
 * lora_unet_<layer>.lora_down.weight, .lora_up.weight, .alpha.
 */
export function attachLora(network: Network, rank: number, alpha: number, rng: Rng): Lora {
  const slots: Slot[] = [];
  let at = 0;
  const slot = (key: string, rows: number, columns: number) => {
    slots.push({ key, shape: [rows, columns], from: at, to: at + rows * columns });
    at += rows * columns;
  };
  for (const { name, inputs, outputs } of network.layers) {
    slot(`lora_unet_${name}.lora_down.weight`, rank, inputs);
    slot(`lora_unet_${name}.lora_up.weight`, outputs, rank);
  }
  const make = () => new Float32Array(at);
  const lora = { rank, alpha, params: make(), grads: make(), first: make(), second: make(), slots };
  network.layers.forEach((layer, k) => {
    const [down, up] = [slots[2 * k]!, slots[2 * k + 1]!];
    for (let i = down.from; i < down.to; i++) {
      lora.params[i] = rng.gaussian() / Math.sqrt(layer.inputs);
    }
    layer.lowRank = {
      rank,
      scale: alpha / rank,
      down: lora.params.subarray(down.from, down.to),
      up: lora.params.subarray(up.from, up.to),
      downGrad: lora.grads.subarray(down.from, down.to),
      upGrad: lora.grads.subarray(up.from, up.to),
    };
  });
  return lora;
}

/** The LoRA as it is published: weights, and alpha as a scalar beside each pair. */
export function loraTensors(lora: Lora): Map<string, Tensor> {
  const tensors = slicesOf(lora, lora.params, '');
  for (const { key } of lora.slots) {
    const alphaKey = key.replace(/\.lora_(down|up)\.weight$/, '.alpha');
    tensors.set(alphaKey, { shape: [], data: Float32Array.of(lora.alpha) });
  }
  return tensors;
}

/** AdamW's moments, named as PyTorch names them. */
export function optimizerTensors(lora: Lora): Map<string, Tensor> {
  return new Map([
    ...slicesOf(lora, lora.first, 'exp_avg.'),
    ...slicesOf(lora, lora.second, 'exp_avg_sq.'),
  ]);
}

/** Puts saved tensors back into place. Throws an Error naming a tensor that is missing or misshapen. */
export function restoreLora(
  lora: Lora,
  weights: ReadonlyMap<string, Tensor>,
  optimizer: ReadonlyMap<string, Tensor>,
): void {
  fill(lora, lora.params, weights, '');
  fill(lora, lora.first, optimizer, 'exp_avg.');
  fill(lora, lora.second, optimizer, 'exp_avg_sq.');
}

function slicesOf(lora: Lora, flat: Float32Array, prefix: string): Map<string, Tensor> {
  return new Map(
    lora.slots.map(({ key, shape, from, to }) => {
      return [prefix + key, { shape, data: flat.subarray(from, to) }];
    }),
  );
}

function fill(
  lora: Lora,
  flat: Float32Array,
  tensors: ReadonlyMap<string, Tensor>,
  prefix: string,
): void {
  for (const { key, from, to } of lora.slots) {
    const found = tensors.get(prefix + key);
    if (found?.data.length !== to - from)
      throw new Error(`${prefix}${key} is missing or misshapen`);
    flat.set(found.data, from);
  }
}
