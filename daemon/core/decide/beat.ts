import type { Beat } from '../observations.js';
import { type Bins, binOf, quantile } from '../sketch.js';
import type { Job } from '../state.js';
import { armWatch, clock, credit, type PhaseClock, restart, type Watch } from '../watch.js';
import type { Turn } from './turn.js';

/** Progress is journalled at most this often (seconds): at ten steps a second an event a step would
 * be a journal of nothing else. */
const COALESCE = 1;

/** A sign of life. Only a new step or a new phase is progress; a new write is not. */
export function onBeat(turn: Turn, name: string, attempt: number, beat: Beat): void {
  const job = turn.job(name);
  if (job === undefined || job.run.at === 'ending') return;
  const seen = job.progress.high > job.progress.high_at_start;
  // No clocks: it ended while no daemon watched, and this is what it left behind.
  const before = turn.watch(name) ?? armWatch(attempt, turn.now.mono, job.progress.step, seen);
  let watch = credit(before, before.last_beat_at, turn.now.mono);
  watch = { ...watch, last_beat_at: turn.now.mono };
  if (beat.phases !== null) watch = phases(turn, name, attempt, watch, beat.phases);
  const stepped = beat.step !== null && (watch.last_step === null || beat.step > watch.last_step);
  // The first step an attempt shows may be the one it resumed at: told, but not gained.
  if (stepped && beat.step !== null) watch = step(turn, job, watch, beat.step, beat);
  turn.setWatch(name, watch);
  if (stepped) {
    resolve(turn, name, attempt);
    flush(turn, name, attempt, beat, false);
  }
}

function step(turn: Turn, job: Job, watch: Watch, reached: number, beat: Beat): Watch {
  const { mono } = turn.now;
  const first = watch.main.name !== 'step';
  const steps = watch.last_step === null ? 1 : reached - watch.last_step;
  const gap = mono - watch.last_step_at;
  const inner = Object.values(watch.main.inner).reduce((sum, seconds) => sum + seconds, 0);
  const stepping = Math.max(0, gap - inner);
  const total = beat.total ?? job.spec.target_step;
  const last = total !== null && reached >= total;
  const gained = Math.min(
    steps,
    Math.max(0, reached - Math.max(watch.last_step ?? 0, job.progress.high)),
  );
  const median = quantile(job.learned.step ?? { n: 0, bins: {} }, 0.5);
  const usual = (median ?? 0) * steps;
  // A stretch that was suspected, or a start-up, is not training time, but its steps are.
  const worth = watch.blind
    ? usual
    : first || watch.suspicion !== null
      ? Math.min(gap, usual)
      : gap;
  const untimed = first || watch.blind;
  const { pending } = watch;
  return {
    ...watch,
    main: clock(last ? 'finish' : 'step', mono),
    open: watch.open.map((c) => restart(c, mono)),
    last_step: reached,
    last_step_at: mono,
    blind: false,
    pending: {
      ...pending,
      steps: pending.steps + steps,
      useful: pending.useful + (steps > 0 ? (worth * gained) / steps : 0),
      // The first step of an attempt carries its start-up, and the first after a daemon's return
      // steps that nobody timed: nothing to learn a step's time from.
      stepping: untimed ? Number.NaN : pending.stepping + stepping,
      bins: untimed ? {} : sorted(pending.bins, stepping / steps, steps),
    },
  };
}

function sorted(bins: Bins, seconds: number, steps: number): Bins {
  const bin = binOf(seconds);
  return { ...bins, [bin]: (bins[bin] ?? 0) + steps };
}

/** Writes what was coalesced into one progress event, when it is due or must be. */
export function flush(
  turn: Turn,
  name: string,
  attempt: number,
  beat: Partial<Beat>,
  force: boolean,
): void {
  const watch = turn.watch(name);
  const job = turn.job(name);
  if (
    watch === undefined ||
    job === undefined ||
    watch.pending.steps === 0 ||
    watch.last_step === null
  )
    return;
  const { pending } = watch;
  const first = Number.isNaN(pending.stepping);
  const due = turn.now.mono - pending.since >= COALESCE || first || watch.main.name === 'finish';
  if (!due && !force) return;
  turn.emit({
    type: 'progress',
    job: name,
    attempt,
    step: watch.last_step,
    total: beat.total ?? null,
    epoch: beat.epoch ?? null,
    // JSON has no NaN: what the journal cannot hold the state must not hold either.
    loss: Number.isFinite(beat.loss) ? (beat.loss ?? null) : null,
    steps: pending.steps,
    step_seconds: first ? null : pending.stepping / pending.steps,
    bins: first ? {} : pending.bins,
    useful_seconds: pending.useful,
  });
  turn.setWatch(name, {
    ...watch,
    pending: { since: turn.now.mono, steps: 0, useful: 0, stepping: 0, bins: {} },
  });
  recovered(turn, name, attempt);
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

function resolve(turn: Turn, name: string, attempt: number): void {
  const watch = turn.watch(name);
  if (watch?.suspicion == null) return;
  turn.emit({
    type: 'suspicion_resolved',
    job: name,
    attempt,
    phase: watch.suspicion.phase,
    silent_seconds: turn.now.mono - watch.suspicion.since,
    by: 'progress',
  });
  turn.setWatch(name, { ...watch, suspicion: null });
}

/** Closes the clocks of phases that ended, opens those of new ones, keeps the others running. */
function phases(
  turn: Turn,
  job: string,
  attempt: number,
  watch: Watch,
  reported: readonly string[],
): Watch {
  // The loop's own clock measures steps: a phase of that name around them would be a second one, to
  // which all their time would be credited as an inner phase's.
  const named = reported.filter((name) => name !== 'step');
  const open: PhaseClock[] = [];
  let changed = named.length !== watch.open.length;
  named.forEach((name, depth) => {
    const same = !changed && watch.open[depth]?.name === name ? watch.open[depth] : undefined;
    if (same === undefined) changed = true;
    open.push(same ?? watch.open.find((c) => c.name === name) ?? clock(name, turn.now.mono));
  });
  if (!changed && watch.reports_phases) return watch;
  for (const closed of watch.open.filter((c) => !named.includes(c.name))) {
    turn.emit({
      type: 'phase_left',
      job,
      attempt,
      phase: closed.name,
      seconds: turn.now.mono - closed.entered,
    });
  }
  const innermost = reported.at(-1);
  if (innermost !== undefined && turn.job(job)?.progress.phase !== innermost) {
    turn.emit({ type: 'phase_entered', job, attempt, phase: innermost });
  }
  return { ...watch, open, reports_phases: true };
}
