import type { Phase } from '../../daemon/core/index.js';
import { binOf } from '../../daemon/core/index.js';
import { SPREADS, secondsOfBin } from './noise.js';
import { Rng } from './rng.js';

/** One night as it will be: the trainer, its faults and what disturbs it. Drawn whole from the seed,
 * so that faults can be left out without changing the rest. */
export interface Plan {
  readonly seed: number;
  readonly seconds: number;
  readonly trainer: TrainerPlan;
  readonly faults: readonly Fault[];
  readonly poll: number;
}

export interface TrainerPlan {
  readonly reports: boolean;
  /** The trainer names a phase `step` around its steps. */
  readonly names_step: boolean;
  /** It leaves `checkpoint` open after a save until the next phase. */
  readonly leaves_open: boolean;
  readonly gpu_telemetry: boolean;
  /** Which noise, and the bin of the usual time of a step. */
  readonly spread: number;
  readonly step_bin: number;
  readonly phases: Readonly<Record<Phase, { readonly median: number; readonly sigma: number }>>;
  readonly caches: boolean;
  readonly every: {
    readonly checkpoint: number;
    readonly sample: number;
    readonly validate: number;
  };
  /** Null: more than a night can make. */
  readonly target: number | null;
  /** Cores in use while it works, and by its background threads. */
  readonly cpu: number;
  readonly background: number;
}

export type HangFlavour = 'idle' | 'chatter' | 'livelock' | 'livelock_log';

export type Fault = { readonly at: number; readonly index: number } & (
  | { readonly is: 'crash'; readonly kind: 'cuda' | 'host_oom' | 'disk' | 'nan' | 'io' }
  | {
      readonly is: 'hang';
      readonly flavour: HangFlavour;
      /** Null: in whatever it is doing then. */
      readonly phase: Phase | null;
      readonly part: number;
    }
  | { readonly is: 'stop' }
  | { readonly is: 'slow'; readonly factor: number; readonly seconds: number }
  | { readonly is: 'slower_and_slower'; readonly factor: number; readonly seconds: number }
  | { readonly is: 'storage'; readonly seconds: number }
  | { readonly is: 'suspend'; readonly seconds: number }
  | { readonly is: 'jump'; readonly seconds: number }
  | { readonly is: 'daemon_stall'; readonly seconds: number }
  | { readonly is: 'daemon_restart'; readonly seconds: number }
);

type Draft = Fault extends infer F ? (F extends Fault ? Omit<F, 'index'> : never) : never;

/** Storage that is away for so many seconds does not come back. */
export const FOR_GOOD = 1e9;

/** Shares of real faults in percent (ByteRobust, SOSP 2025). */
const MIX = {
  cuda: 36.1,
  overload: 11.0,
  host_oom: 10.1,
  hang: 9.9,
  disk: 5.0,
  mount: 2.1,
  nan: 0.3,
} as const;
/** Faults that another one follows within a minute or so. */
const PAIRS = 0.15;
const FLAVOURS = { idle: 72, chatter: 4, livelock: 8, livelock_log: 4, stop: 12 } as const;
const ANYWHERE: readonly (Phase | null)[] = [
  null,
  null,
  null,
  null,
  null,
  'checkpoint',
  'sample',
  'validate',
  'startup',
  'load',
  'first_step',
  'step',
];
const FIRST: readonly Phase[] = ['startup', 'load', 'cache', 'first_step'];
const MEAN = { daemon_stall: 2, daemon_restart: 1, suspend: 0.3, jump: 0.5, storage: 1, slow: 1 };

export interface PlanOptions {
  readonly seed: number;
  readonly hours: number;
  readonly mtbf_hours: number;
  readonly without: ReadonlySet<number>;
}

export function drawPlan({ seed, hours, mtbf_hours, without }: PlanOptions): Plan {
  const rng = new Rng(seed, 1);
  // The whole night is drawn first: a shortened one has the same faults up to its end.
  const night = 8 * 3600;
  const trainer = drawTrainer(rng, night);
  const drafts = drawFaults(rng, night, mtbf_hours * 3600, trainer);
  const seconds = hours * 3600;
  return {
    seed,
    seconds,
    trainer,
    faults: drafts
      .sort((a, b) => a.at - b.at)
      .map((draft, index): Fault => ({ ...draft, index }))
      .filter(({ at, index }) => at < seconds && !without.has(index)),
    poll: 0.25,
  };
}

function drawTrainer(rng: Rng, night: number): TrainerPlan {
  const step_bin = binOf(rng.log(0.05, 20));
  const usual = secondsOfBin(step_bin);
  const phase = (low: number, high: number) => ({
    median: rng.log(low, high),
    sigma: rng.between(0.1, 0.3),
  });
  const reports = rng.chance(0.5);
  // Steps between two saves, by the time between them: five minutes to half an hour.
  const steps = (low: number, high: number) => Math.max(2, Math.round(rng.log(low, high) / usual));
  const finishes = rng.chance(0.2);
  return {
    reports,
    names_step: rng.chance(0.8),
    leaves_open: rng.chance(0.15),
    gpu_telemetry: rng.chance(2 / 3),
    spread: Math.floor(rng.next() * SPREADS.length),
    step_bin,
    phases: {
      startup: phase(8, 30),
      load: phase(15, 200),
      cache: phase(30, 720),
      first_step: phase(5, 60),
      step: { median: usual, sigma: 0 },
      checkpoint: phase(2, 30),
      sample: phase(5, 260),
      validate: phase(10, 200),
      finish: phase(9, 60),
    },
    caches: rng.chance(0.5),
    every: {
      checkpoint: steps(180, 1200),
      sample: rng.chance(0.7) ? steps(300, 3600) : Number.POSITIVE_INFINITY,
      validate: rng.chance(0.3) ? steps(600, 3600) : Number.POSITIVE_INFINITY,
    },
    target: finishes ? Math.round(rng.between(0.2, 0.7) * (night / usual)) : null,
    cpu: rng.log(0.3, 4),
    background: rng.between(0, 0.04),
  };
}

function drawFaults(rng: Rng, night: number, mtbf: number, trainer: TrainerPlan): Draft[] {
  const faults: Draft[] = [];
  // Those that come in pairs count: together they are one in `mtbf`.
  const mean = mtbf * (1 + PAIRS);
  for (let at = rng.wait(mean); at < night; at += rng.wait(mean)) {
    const fault = drawFault(rng, at);
    faults.push(fault);
    // The second one comes during the recovery, or in the middle of a save.
    if (rng.chance(PAIRS)) faults.push({ is: 'crash', kind: 'cuda', at: at + rng.between(5, 90) });
  }
  if (rng.chance(0.15)) faults.push(hangIn(rng, 0, FIRST));
  if (trainer.target !== null && rng.chance(0.4)) faults.push(hangIn(rng, 0, ['finish']));
  const some = (mean: number, make: (at: number) => Draft) => {
    for (let at = rng.wait(night / mean); at < night; at += rng.wait(night / mean))
      faults.push(make(at));
  };
  some(MEAN.daemon_stall, (at) => ({ is: 'daemon_stall', at, seconds: rng.between(10, 120) }));
  some(MEAN.daemon_restart, (at) => ({ is: 'daemon_restart', at, seconds: rng.log(0.3, 30) }));
  some(MEAN.suspend, (at) => ({ is: 'suspend', at, seconds: rng.log(20, 7200) }));
  some(MEAN.jump, (at) => ({ is: 'jump', at, seconds: rng.between(-3600, 3600) }));
  some(MEAN.storage, (at) => ({ is: 'storage', at, seconds: rng.log(10, 600) }));
  some(MEAN.slow, (at) => ({ is: 'slow', at, factor: 5, seconds: rng.between(60, 600) }));
  if (rng.chance(0.15))
    faults.push({
      is: 'slower_and_slower',
      at: rng.between(0, night),
      factor: rng.between(3, 10),
      seconds: rng.between(3600, 7200),
    });
  return faults;
}

function drawFault(rng: Rng, at: number): Draft {
  const kind = rng.pick(MIX);
  switch (kind) {
    case 'overload':
      return { is: 'slow', at, factor: rng.between(2, 6), seconds: rng.between(60, 600) };
    case 'mount':
      return rng.chance(0.8)
        ? { is: 'storage', at, seconds: rng.chance(0.1) ? FOR_GOOD : rng.log(10, 600) }
        : { is: 'crash', kind: 'io', at };
    case 'hang':
      return drawHang(rng, at);
    default:
      return { is: 'crash', kind, at };
  }
}

function drawHang(rng: Rng, at: number): Draft {
  const flavour = rng.pick(FLAVOURS);
  if (flavour === 'stop') return { is: 'stop', at };
  const phase = ANYWHERE[Math.floor(rng.next() * ANYWHERE.length)] ?? null;
  return { is: 'hang', at, flavour, phase, part: rng.next() };
}

function hangIn(rng: Rng, at: number, phases: readonly Phase[]): Draft {
  const phase = phases[Math.floor(rng.next() * phases.length)] ?? null;
  return { is: 'hang', at, flavour: 'idle', phase, part: rng.next() };
}
