import type { Beat, Observation } from '../observations.js';
import { withStep, withTimed } from '../pace.js';
import { addTo, type Bins, binOf, quantile } from '../sketch.js';
import type { Job } from '../state.js';
import {
  armWatch,
  clock,
  innerSeconds,
  nothingPending,
  type Pending,
  type PhaseClock,
  type Watch,
} from '../watch.js';
import { stageOf } from './attempts.js';
import { withPhases } from './phases.js';
import type { Turn } from './turn.js';

/** Progress is journalled at most this often (seconds): at ten steps a second an event a step would
 * be a journal of nothing else. */
export const COALESCE = 1;

/** Steps that were made, up to `reached`; `timed` where the edge knows each one's time. */
interface Steps {
  readonly reached: number;
  readonly timed: { readonly seconds: number; readonly bins: Bins } | null;
}

/** A sign of life. Only a new step or a new phase is progress; a new write is not. */
export function onBeat(turn: Turn, name: string, attempt: number, beat: Beat): void {
  const job = turn.job(name);
  if (job === undefined || job.run.at === 'ending') return;
  const before = watchOf(turn, job, attempt);
  const phased =
    beat.phases === null ? before : withPhases(turn, name, attempt, before, beat.phases);
  const watch = withFacts(phased, beat);
  if (watch !== turn.watch(name)) turn.setWatch(name, watch);
  if (beat.step === null || (watch.last_step !== null && beat.step <= watch.last_step)) return;
  onStep(turn, job, watch, { reached: beat.step, timed: null }, beat);
}

export function onSteps(turn: Turn, seen: Extract<Observation, { is: 'steps' }>): void {
  const job = turn.job(seen.job);
  if (job === undefined || job.run.at === 'ending') return;
  const watch = watchOf(turn, job, seen.attempt);
  if (watch.last_step !== null && seen.step <= watch.last_step) return;
  const { seconds, bins } = seen;
  // The first of them would not have been timed one by one either: see `untimed`.
  const timed = isFirst(watch) || isBlind(watch) ? null : { seconds, bins };
  onStep(turn, job, watch, { reached: seen.step, timed }, {});
}

/** No clocks: it ended while no daemon watched, and this is what it left behind. */
function watchOf(turn: Turn, job: Job, attempt: number): Watch {
  const { step } = job.progress;
  return turn.watch(job.name) ?? armWatch(attempt, turn.now.mono, step, stageOf(job));
}

/** Nobody knows how long the next step took. */
const isBlind = (watch: Watch): boolean => watch.unsure === 2;
const isFirst = (watch: Watch): boolean => watch.main.name !== 'step';

function onStep(turn: Turn, job: Job, before: Watch, steps: Steps, beat: Partial<Beat>): void {
  turn.setWatch(job.name, withSteps(turn, job, before, steps, beat));
  resolve(turn, job.name, 'progress');
  flush(turn, job.name, before.attempt, false);
}

/** A bar is drawn with its new step first and with that step's loss after: both are for one event. */
function withFacts(watch: Watch, { total, epoch, loss }: Beat): Watch {
  if (total === null && epoch === null && loss === null) return watch;
  const { pending } = watch;
  return {
    ...watch,
    pending: {
      ...pending,
      total: total ?? pending.total,
      epoch: epoch ?? pending.epoch,
      loss: loss ?? pending.loss,
    },
  };
}

function withSteps(
  turn: Turn,
  job: Job,
  watch: Watch,
  { reached, timed }: Steps,
  beat: Partial<Beat>,
): Watch {
  const { mono } = turn.now;
  // The first step an attempt shows may be the one it resumed at: told, but not gained.
  const steps = watch.last_step === null ? 1 : reached - watch.last_step;
  const total = beat.total ?? job.spec.target_step;
  const last = total !== null && reached >= total;
  const { pending } = watch;
  const gap = timed?.seconds ?? mono - watch.last_step_at;
  const stepping = timed?.seconds ?? Math.max(0, gap - innerSeconds(watch, mono));
  // The first step of an attempt carries its start-up, and the first after a daemon's return
  // steps that nobody timed: nothing to learn a step's time from.
  const untimed = timed === null && (isFirst(watch) || isBlind(watch));
  const open = watch.open.map((c) => around(c, timed === null ? 1 : steps, mono));
  return {
    ...watch,
    main: clock(last ? 'finish' : 'step', mono),
    open,
    dangles: watch.dangles || open.some((c) => c.name !== 'step' && c.steps >= 2),
    last_step: reached,
    last_step_at: mono,
    credited_at: mono,
    pace: untimed
      ? watch.pace
      : timed === null
        ? withStep(watch.pace, stepping / steps, steps)
        : withTimed(watch.pace, timed.bins),
    idle: null,
    // A look at the step before says nothing of when this one is to be looked at.
    looked_at: Number.NEGATIVE_INFINITY,
    continues: 0,
    unsure: isBlind(watch) ? 1 : 0,
    pending: {
      ...pending,
      steps: pending.steps + steps,
      useful: pending.useful + usefulSeconds(job, watch, steps, reached, gap),
      stepping: untimed ? Number.NaN : pending.stepping + stepping,
      bins: untimed ? {} : withBins(pending, steps, stepping, timed?.bins ?? null),
    },
  };
}

/** A new step is progress for every phase around it. In one beat with a new phase, it came before. */
function around(c: PhaseClock, steps: number, mono: number): PhaseClock {
  const within = c.since === mono ? 0 : steps;
  return { ...c, since: mono, steps: c.steps + within, inner: {} };
}

/** Seconds of `gap` that moved the run beyond its highest step. */
function usefulSeconds(job: Job, watch: Watch, steps: number, reached: number, gap: number) {
  const high = Math.max(watch.last_step ?? 0, job.progress.high);
  const gained = Math.min(steps, Math.max(0, reached - high));
  if (gained === 0) return 0;
  const usual = (): number => {
    const median = job.learned.step === undefined ? null : quantile(job.learned.step, 0.5);
    return (median ?? 0) * steps;
  };
  // A stretch that was suspected, or a start-up, is not training time, but its steps are.
  const worth = isBlind(watch)
    ? usual()
    : isFirst(watch) || watch.suspicion !== null
      ? Math.min(gap, usual())
      : gap;
  return (worth * gained) / steps;
}

function withBins(pending: Pending, steps: number, seconds: number, timed: Bins | null): Bins {
  if (timed !== null && pending.steps === 0) return timed;
  const sum: Record<number, number> = { ...pending.bins };
  if (timed !== null) {
    addTo(sum, timed);
    return sum;
  }
  const bin = binOf(seconds / steps);
  sum[bin] = (sum[bin] ?? 0) + steps;
  return sum;
}

/** Writes what was coalesced into one progress event, when it is due or must be. */
export function flush(turn: Turn, name: string, attempt: number, force: boolean): void {
  const watch = turn.watch(name);
  if (watch === undefined || watch.pending.steps === 0 || watch.last_step === null) return;
  const { pending } = watch;
  const first = Number.isNaN(pending.stepping);
  if (!force && !first && !isDue(watch, turn.now.mono)) return;
  turn.emit({
    type: 'progress',
    job: name,
    attempt,
    step: watch.last_step,
    total: pending.total,
    epoch: pending.epoch,
    // JSON has no NaN: what the journal cannot hold the state must not hold either.
    loss: Number.isFinite(pending.loss) ? pending.loss : null,
    steps: pending.steps,
    step_seconds: first ? null : pending.stepping / pending.steps,
    bins: first ? {} : pending.bins,
    useful_seconds: pending.useful,
  });
  turn.setWatch(name, { ...watch, pending: nothingPending(turn.now.mono) });
  recovered(turn, name, attempt);
}

function isDue({ pending, main }: Watch, mono: number): boolean {
  return mono - pending.since >= COALESCE || main.name === 'finish';
}

function recovered(turn: Turn, name: string, attempt: number): void {
  const recovering = turn.job(name)?.recovering ?? null;
  if (recovering === null) return;
  const seconds = Math.max(0, turn.now.wall - recovering.since);
  turn.emit({
    type: 'recovered',
    job: name,
    attempt,
    cause: recovering.cause,
    seconds,
    lost_steps: recovering.lost_steps,
  });
}

/** Ends a suspicion, if there is one. */
export function resolve(turn: Turn, name: string, by: 'progress' | 'rearm'): void {
  const watch = turn.watch(name);
  if (watch === undefined || watch.suspicion === null) return;
  turn.emit({
    type: 'suspicion_resolved',
    job: name,
    attempt: watch.attempt,
    phase: watch.suspicion.phase,
    silent_seconds: turn.now.mono - watch.suspicion.since,
    by,
  });
  turn.setWatch(name, { ...watch, suspicion: null });
}
