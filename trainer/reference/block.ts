import type { Linear } from './linear.js';

/** A residual block: h += second(silu(first(h) + time(features))). */
export class Block {
  private input = new Float32Array(0);
  private before = new Float32Array(0);
  private after = new Float32Array(0);
  private grad = new Float32Array(0);

  constructor(
    readonly first: Linear,
    readonly time: Linear,
    readonly second: Linear,
  ) {}

  forward(h: Float32Array, features: Float32Array, rows: number): void {
    const size = rows * this.first.outputs;
    if (this.before.length !== size) {
      this.input = new Float32Array(h.length);
      this.before = new Float32Array(size);
      this.after = new Float32Array(size);
      this.grad = new Float32Array(size);
    }
    this.input.set(h); // a copy: h itself changes below, and the backward pass wants it as it was
    this.first.forward(this.before, this.input, rows);
    this.time.forward(this.before, features, rows, true);
    for (let i = 0; i < size; i++) {
      const a = this.before[i]!;
      this.after[i] = a / (1 + Math.exp(-a));
    }
    this.second.forward(h, this.after, rows, true);
  }

  backward(hGrad: Float32Array, rows: number): void {
    this.grad.fill(0);
    this.second.backward(hGrad, this.grad, rows);
    for (let i = 0; i < this.grad.length; i++) {
      const a = this.before[i]!;
      const s = 1 / (1 + Math.exp(-a));
      this.grad[i]! *= s * (1 + a * (1 - s));
    }
    this.time.backward(this.grad, null, rows);
    this.first.backward(this.grad, hGrad, rows);
  }
}
