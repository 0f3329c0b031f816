import { adamW, adamWDefaults, clipGradients } from './adamw.js';
import { addNoise, type Batch, lossAndGradients, makeBatch } from './flow.js';
import type { Lora } from './lora.js';
import type { Network } from './network.js';
import { Rng } from './rng.js';
import type { TrainState } from './state.js';

/** What a loss of now still weighs in the running mean a step later: about the last 50 steps count. */
const MEMORY = 0.98;

const MAX_NORM = 1;

/** The state of a training between two steps, and how it goes one step on. No clock, no I/O. */
export class Training {
  step = 0;
  epoch = 0;
  private rng: Rng;
  private order: readonly number[];
  private position = 0;
  private lossSum = 0;
  private lossWeight = 0;
  private reseed = 0;
  private readonly batch: Batch;

  constructor(
    private readonly network: Network,
    private readonly lora: Lora,
    private readonly images: readonly Float32Array[],
    private readonly options: { lr: number; batch: number; seed: number },
  ) {
    this.rng = Rng.stream(options.seed, 'train');
    this.order = this.rng.permutation(images.length);
    this.batch = makeBatch(options.batch, network.shape.latent);
  }

  /** Mean of the recent losses, the early ones fading. */
  get averageLoss(): number {
    return this.lossSum / this.lossWeight;
  }

  /** One optimizer step; returns its loss. */
  advance(): number {
    const { batch, lora } = this;
    for (let b = 0; b < batch.size; b++) {
      batch.clean.set(this.nextImage(), b * this.network.shape.latent);
    }
    addNoise(batch, this.rng);
    lora.grads.fill(0);
    const loss = lossAndGradients(this.network, batch);
    clipGradients(lora.grads, MAX_NORM);
    this.step += 1;
    const options = { ...adamWDefaults, lr: this.options.lr };
    adamW(lora.params, lora.grads, lora.first, lora.second, this.step, options);
    this.lossSum = MEMORY * this.lossSum + (1 - MEMORY) * loss;
    this.lossWeight = MEMORY * this.lossWeight + (1 - MEMORY);
    return loss;
  }

  get state(): TrainState {
    return {
      step: this.step,
      rng: this.rng.state,
      epoch: this.epoch,
      order: this.order,
      position: this.position,
      lossSum: Number.isFinite(this.lossSum) ? this.lossSum : null, // JSON has no NaN
      lossWeight: this.lossWeight,
      reseed: this.reseed,
    };
  }

  /**
   * Takes up a saved state (the LoRA is restored apart). A `reseed` other than 0 and other than the
   * state's own draws noise and order anew from here on: the way round a batch that blows up. One the
   * state has already taken changes nothing, so a resumed run stays reproducible.
   */
  restore(state: TrainState, reseed: number): void {
    this.step = state.step;
    this.epoch = state.epoch;
    this.order = state.order;
    this.position = state.position;
    this.lossSum = state.lossSum ?? Number.NaN;
    this.lossWeight = state.lossWeight;
    this.reseed = state.reseed;
    this.rng = new Rng(state.rng);
    if (reseed === 0 || reseed === state.reseed) return;
    this.reseed = reseed;
    this.rng = Rng.stream(this.options.seed, `train, reseed ${reseed} at step ${state.step}`);
    this.order = this.rng.permutation(this.images.length);
    this.position = 0;
  }

  /** Every image once an epoch, in an order of its own; a batch may reach into the next epoch. */
  private nextImage(): Float32Array {
    if (this.position === this.order.length) {
      this.epoch += 1;
      this.order = this.rng.permutation(this.images.length);
      this.position = 0;
    }
    const image = this.images[this.order[this.position]!]!;
    this.position += 1;
    return image;
  }
}
