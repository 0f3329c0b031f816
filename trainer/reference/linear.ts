import { addOuter, addTimes, timesTransposed, transpose } from './matmul.js';

/** The trainable half of a linear layer: y += (alpha / rank) * up(down(x)). Views into flat arrays. */
export interface LowRank {
  readonly rank: number;
  readonly scale: number;
  /** (rank, inputs) and (outputs, rank). */
  readonly down: Float32Array;
  readonly up: Float32Array;
  readonly downGrad: Float32Array;
  readonly upGrad: Float32Array;
}

/** Gradients of the base weights, kept only while the base itself is pre-trained. */
export interface BaseGrad {
  readonly weight: Float32Array;
  readonly bias: Float32Array;
}

/**
 * y = x W^T + b, plus a low-rank term where one is attached (Hu et al., "LoRA", 2021).
 * Layers keep what the backward pass needs of the last forward pass: one forward, one backward.
 */
export class Linear {
  lowRank: LowRank | null = null;
  baseGrad: BaseGrad | null = null;
  private readonly transposed: Float32Array;
  private input: Float32Array = new Float32Array(0);
  private hidden = new Float32Array(0);
  private hiddenGrad = new Float32Array(0);

  constructor(
    readonly name: string,
    readonly inputs: number,
    readonly outputs: number,
    /** (outputs, inputs) */
    readonly weight: Float32Array,
    readonly bias: Float32Array,
  ) {
    this.transposed = transpose(weight, outputs, inputs);
  }

  /** To be called after the base weights were changed: the backward pass reads a transposed copy. */
  refresh(): void {
    transpose(this.weight, this.outputs, this.inputs, this.transposed);
  }

  /** y (rows, outputs) += layer(x), or = where `add` is false. `x` must stay as it is until backward. */
  forward(y: Float32Array, x: Float32Array, rows: number, add = false): void {
    timesTransposed(y, x, this.weight, rows, this.inputs, this.outputs, 1, add);
    for (let b = 0; b < rows; b++) {
      for (let o = 0; o < this.outputs; o++) y[b * this.outputs + o]! += this.bias[o]!;
    }
    this.input = x;
    const lora = this.lowRank;
    if (!lora) return;
    if (this.hidden.length !== rows * lora.rank) {
      this.hidden = new Float32Array(rows * lora.rank);
      this.hiddenGrad = new Float32Array(rows * lora.rank);
    }
    timesTransposed(this.hidden, x, lora.down, rows, this.inputs, lora.rank);
    timesTransposed(y, this.hidden, lora.up, rows, lora.rank, this.outputs, lora.scale, true);
  }

  /** Adds to the gradients, and to dx (rows, inputs) where it is wanted. dy is (rows, outputs). */
  backward(dy: Float32Array, dx: Float32Array | null, rows: number): void {
    if (dx) timesTransposed(dx, dy, this.transposed, rows, this.outputs, this.inputs, 1, true);
    const base = this.baseGrad;
    if (base) {
      addOuter(base.weight, dy, this.input, rows, this.outputs, this.inputs);
      for (let b = 0; b < rows; b++) {
        for (let o = 0; o < this.outputs; o++) base.bias[o]! += dy[b * this.outputs + o]!;
      }
    }
    const lora = this.lowRank;
    if (!lora) return;
    addOuter(lora.upGrad, dy, this.hidden, rows, this.outputs, lora.rank, lora.scale);
    this.hiddenGrad.fill(0);
    addTimes(this.hiddenGrad, dy, lora.up, rows, this.outputs, lora.rank);
    for (let k = 0; k < this.hiddenGrad.length; k++) this.hiddenGrad[k]! *= lora.scale;
    addOuter(lora.downGrad, this.hiddenGrad, this.input, rows, lora.rank, this.inputs);
    if (dx) addTimes(dx, this.hiddenGrad, lora.down, rows, lora.rank, this.inputs);
  }
}
