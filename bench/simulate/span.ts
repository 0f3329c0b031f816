import type { Phase } from '../../daemon/core/index.js';
import type { HangFlavour, TrainerPlan } from './plan.js';

/** A stretch of what the trainer does, ended by a step, by a phase's end, or by its exit. */
export interface Span {
  readonly phase: Phase;
  readonly from: number;
  to: number;
  /** In which it looks idle although it is not hung. */
  wait: Stretch | null;
  /** In which it waits for storage. */
  stall: Stretch | null;
  /** Steps made at its end; more than one only in a piece, whose bins are known. */
  readonly steps: number;
  readonly bins: (() => Readonly<Record<number, number>>) | null;
}

export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface Hang {
  readonly at: number;
  /** When it last made real progress: a step, or the beginning of the phase. */
  readonly progress_at: number;
  readonly flavour: HangFlavour | 'storage';
  readonly phase: Phase;
  /** Whether anyone but the trainer can know that it is in that phase. */
  readonly told: boolean;
  /** The 99th percentile of that phase's time. */
  readonly p99: number;
}

/** How long phases are slowed down, and how much. */
export interface Slowness {
  readonly factor: number;
  readonly until: number;
}

export const plain = (
  phase: Phase,
  from: number,
  to: number,
  steps: number,
  bins: Span['bins'],
): Span => ({ phase, from, to, wait: null, stall: null, steps, bins });

/** Whether a trainer says when this phase begins and ends. That it is at its steps, or at its end, is known
 * of any. */
export function isTold(phase: Phase, { reports, leaves_open }: TrainerPlan): boolean {
  if (phase === 'step' || phase === 'startup' || phase === 'finish') return true;
  return reports && !(leaves_open && phase === 'checkpoint');
}

/** Phases that an attempt passes once. */
export const ONCE: ReadonlySet<Phase> = new Set<Phase>([
  'startup',
  'load',
  'cache',
  'first_step',
  'finish',
]);
export const BEFORE_STEPS: ReadonlySet<Phase> = new Set<Phase>([
  'startup',
  'load',
  'cache',
  'first_step',
]);
/** Phases in which trainers ask the network. */
export const NETWORK: ReadonlySet<Phase> = new Set<Phase>(['startup', 'load', 'finish']);
