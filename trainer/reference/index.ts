import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { assetPath } from './base.js';
import { FAULT_KINDS, type FaultKind } from './fault-spec.js';
import {
  DEFAULT_NAME,
  DEFAULT_SAMPLE_EVERY,
  DEFAULT_SAVE_EVERY,
  DEFAULT_STEPS,
} from './options.js';

export { FAULT_KINDS, type FaultKind };

/** What the program does where its options are left out. */
export const referenceDefaults = {
  name: DEFAULT_NAME,
  steps: DEFAULT_STEPS,
  saveEvery: DEFAULT_SAVE_EVERY,
  sampleEvery: DEFAULT_SAMPLE_EVERY,
};

/** Absolute path of the compiled program, to be run with node; also when this module itself is source. */
export function referenceEntry(): string {
  const here = fileURLToPath(import.meta.url);
  if (here.endsWith('.js')) return path.join(path.dirname(here), 'main.js');
  return path.join(assetPath('..', '..'), 'dist', 'trainer', 'reference', 'main.js');
}

/** Absolute path of the shipped training images. */
export function referenceImages(): string {
  return assetPath('images');
}
