import type { RngState } from './rng.js';

/** What must be equal for a checkpoint to be continued; the keys are named when it is refused. */
export interface Fingerprint {
  readonly rank: number;
  readonly alpha: number;
  readonly lr: number;
  readonly batch: number;
  readonly seed: number;
  /** SHA-256 of the training images and of the base weights. */
  readonly data: string;
  readonly base: string;
}

/** Everything besides the weights and moments that decides how a training goes on. */
export interface TrainState {
  readonly step: number;
  readonly rng: RngState;
  /** The epoch under way (from 0), its order of images, and how many of them were used. */
  readonly epoch: number;
  readonly order: readonly number[];
  readonly position: number;
  /** Decayed sum of the losses and of their weights; their quotient is the running mean. */
  readonly lossSum: number | null;
  readonly lossWeight: number;
  /** The last --reseed that took effect; 0 for none. */
  readonly reseed: number;
}

/** The first key in which two fingerprints differ, as a sentence; null where they agree. */
export function fingerprintDifference(saved: Fingerprint, now: Fingerprint): string | null {
  for (const key of Object.keys(now) as (keyof Fingerprint)[]) {
    if (saved[key] !== now[key]) {
      return `${key} differs: the checkpoint has ${saved[key]}, this run has ${now[key]}`;
    }
  }
  return null;
}
