import type { Policy } from '../../daemon/core/index.js';
import type { Plan } from './plan.js';
import type { Rng } from './rng.js';

export type Trace = (at: number, what: string) => void;

export const JOB = 'lora';
export const NEVER = Number.POSITIVE_INFINITY;

/** What every part of a night shares. */
export interface World {
  readonly plan: Plan;
  readonly policy: Policy;
  readonly rng: Rng;
  readonly trace: Trace | null;
  /** Seconds since the night began. */
  t: number;
}

export function say({ trace, t }: World, what: string): void {
  trace?.(t, what);
}
