// What scenarios are made of.
import type { Cause } from '../../../daemon/core/index.js';
import type { Rng } from '../../simulate/rng.js';
import type { Deed, Plan, Program, When, Whom } from '../plan.js';

/** A plan without what is the same for all. */
export type Body = Omit<Plan, 'seed' | 'n' | 'scenario'>;
export type Scenario = (rng: Rng) => Body;

export const KILLED: readonly Cause[] = ['crash', 'lost'];

export const whole = (rng: Rng, low: number, high: number): number =>
  Math.floor(rng.between(low, high));
export const oneOf = <T>(rng: Rng, ...all: readonly T[]): T => all[whole(rng, 0, all.length)] as T;

type Of<K extends Program['kind']> = Extract<Program, { kind: K }>;

export function reference(rng: Rng, faults: readonly string[], own: Partial<Of<'reference'>> = {}) {
  const seed = oneOf(rng, 42, 7);
  const pace = { steps: 120, step_seconds: 0.05, save_every: 10 };
  return { kind: 'reference', ...pace, seed, faults, ...own } as const;
}

export function python(rng: Rng, faults: readonly string[], own: Partial<Of<'python'>> = {}) {
  const pace = { steps: 120, step_seconds: 0.05, save_every: 20 };
  return { kind: 'python', ...pace, beats: rng.chance(0.5), faults, ...own } as const;
}

export function body(program: Program, own: Partial<Body> = {}): Body {
  return {
    program,
    deeds: [],
    settings: {},
    expected: { is: 'identical' },
    causes: [],
    must: [],
    limit_seconds: 150,
    ...own,
  };
}

export function randomKill(rng: Rng, steps: number): Deed {
  const whom: readonly Whom[] = oneOf<readonly Whom[]>(
    rng,
    ['trainer'],
    ['trainer'],
    ['shepherd'],
    ['daemon'],
    ['daemon'],
    ['daemon', 'trainer'],
    ['shepherd', 'trainer'],
    ['daemon', 'shepherd', 'trainer'],
  );
  return { what: { do: 'kill', whom, back_ms: whole(rng, 0, 2500) }, when: anInstant(rng, steps) };
}

function anInstant(rng: Rng, steps: number): When {
  if (rng.chance(0.25)) return { at: 'time', after_ms: whole(rng, 0, 4000) };
  return { at: 'step', step: whole(rng, 3, steps - 3), after_ms: whole(rng, 0, 60) };
}
