/** Hyper-parameters of AdamW; the betas and epsilon are PyTorch's defaults. */
export interface AdamWOptions {
  readonly lr: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
}

export const adamWDefaults = { weightDecay: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** Scales the gradients down to this Euclidean norm where theirs is greater (kohya's max_grad_norm). */
export function clipGradients(grads: Float32Array, norm: number): void {
  let sum = 0;
  for (let i = 0; i < grads.length; i++) sum += grads[i]! * grads[i]!;
  const factor = norm / Math.sqrt(sum);
  if (factor < 1) for (let i = 0; i < grads.length; i++) grads[i]! *= factor;
}

/**
 * One step of AdamW (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019), in place,
 * over flat arrays of one length: parameters, gradients, first and second moments.
 * `step` counts from 1: it drives the bias correction, so a resume must pass the absolute step.
 */
export function adamW(
  params: Float32Array,
  grads: Float32Array,
  first: Float32Array,
  second: Float32Array,
  step: number,
  options: AdamWOptions,
): void {
  const { lr, weightDecay, beta1, beta2, epsilon } = options;
  const correct1 = 1 - beta1 ** step;
  const correct2 = 1 - beta2 ** step;
  for (let i = 0; i < params.length; i++) {
    const g = grads[i]!;
    first[i] = beta1 * first[i]! + (1 - beta1) * g;
    second[i] = beta2 * second[i]! + (1 - beta2) * g * g;
    const update = first[i]! / correct1 / (Math.sqrt(second[i]! / correct2) + epsilon);
    params[i] = params[i]! * (1 - lr * weightDecay) - lr * update;
  }
}
