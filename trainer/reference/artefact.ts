import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { writeFileAtomic } from './atomic.js';
import { BASE_VERSION } from './base.js';
import { TrainError } from './errors.js';
import { type Lora, loraTensors } from './lora.js';
import type { Options } from './options.js';
import { encodeSafetensors } from './safetensors.js';

/** Where the finished LoRA goes. */
export function artefactPath({ out, name }: Options): string {
  return path.join(out, `${name}.safetensors`);
}

/**
 * Writes the finished LoRA. Its metadata has kohya's keys and neither a time nor a host: equal
 * trainings give equal bytes. `step` is what the weights have seen; where that is beyond what was
 * asked for, a different file already there is not replaced (TrainError).
 */
export function writeArtefact(
  file: string,
  options: Options,
  lora: Lora,
  images: number,
  step: number,
): void {
  const metadata = {
    format: 'pt',
    ss_output_name: options.name,
    ss_network_module: 'networks.lora',
    ss_network_dim: String(lora.rank),
    ss_network_alpha: String(lora.alpha),
    ss_base_model_version: BASE_VERSION,
    ss_learning_rate: String(options.lr),
    ss_seed: String(options.seed),
    ss_num_train_images: String(images),
    ss_steps: String(step),
    ss_total_batch_size: String(options.batch),
    nightwarden_trainer: 'reference',
  };
  const bytes = encodeSafetensors({ tensors: loraTensors(lora), metadata });
  if (step > options.steps && existsSync(file) && !readFileSync(file).equals(bytes)) {
    throw new TrainError(
      `the checkpoint is at step ${step}, beyond --steps ${options.steps}, and another ${file} exists: move it away, or resume from an earlier checkpoint`,
    );
  }
  writeFileAtomic(file, bytes);
}
