import { isActive } from '../state.js';
import { judge, type Verdict } from '../verdict.js';
import { rearm } from '../watch.js';
import { flush, resolve } from './beat.js';
import { wantsModels } from './downloads.js';
import { groundsOf } from './policy-of.js';
import type { Turn } from './turn.js';

/** A pause between two ticks beyond this (seconds) means that the daemon itself stood still. */
const STALLED = 5;
/** The wall clock and the monotonic clock may part by this much (seconds) between two ticks. */
const JUMPED = 30;

/** The clocks are read: stalls of our own, the verdict on each running job, what is due to start. */
export function onTick(turn: Turn): void {
  rearmAfterStall(turn);
  for (const job of Object.values(turn.state.jobs)) {
    if (job.run.at === 'running' || job.run.at === 'starting')
      look(turn, job.name, job.run.attempt);
  }
  schedule(turn);
}

function rearmAfterStall(turn: Turn): void {
  const { last, now } = turn;
  if (last === null) return;
  const stood = now.mono - last.mono;
  const jumped = now.wall - last.wall - stood;
  if (stood > STALLED) return rearmAll(turn, 'daemon_stalled', stood);
  // The monotonic clock stands still while the machine sleeps; the wall clock does not.
  if (jumped > JUMPED) return rearmAll(turn, 'machine_slept', jumped);
  if (jumped < -JUMPED) return rearmAll(turn, 'wall_clock_jumped', jumped);
}

function rearmAll(
  turn: Turn,
  reason: 'daemon_stalled' | 'machine_slept' | 'wall_clock_jumped',
  seconds: number,
): void {
  turn.emit({ type: 'clocks_rearmed', reason, seconds });
  for (const job of Object.values(turn.state.jobs)) {
    resolve(turn, job.name, 'rearm');
    const watch = turn.watch(job.name);
    if (watch !== undefined) turn.setWatch(job.name, rearm(watch, turn.now.mono));
  }
}

/** The verdict on one running attempt. */
export function look(turn: Turn, name: string, attempt: number): void {
  flush(turn, name, attempt, false);
  const watch = turn.watch(name);
  const job = turn.job(name);
  if (watch === undefined || job === undefined) return;
  const { mono } = turn.now;
  const verdict = judge(watch, groundsOf(job, watch, turn.policy), mono);
  if (verdict.look !== null && mono - watch.looked_at >= verdict.look) {
    turn.command({ do: 'observe', job: name, attempt });
    turn.setWatch(name, { ...watch, looked_at: mono });
  }
  if (verdict.is === 'fine') return;
  if (watch.suspicion === null) suspect(turn, name, attempt, verdict);
  if (verdict.is !== 'hang') return;
  flush(turn, name, attempt, true);
  turn.emit({
    type: 'hang_confirmed',
    job: name,
    attempt,
    phase: verdict.phase,
    silent_seconds: verdict.silent,
    why: verdict.why,
  });
  turn.setWatch(name, null);
  turn.command({ do: 'evidence', job: name, attempt, why: verdict.why });
}

function suspect(
  turn: Turn,
  name: string,
  attempt: number,
  { phase, silent, budget }: Exclude<Verdict, { is: 'fine' }>,
): void {
  turn.emit({
    type: 'suspicion_raised',
    job: name,
    attempt,
    phase,
    silent_seconds: silent,
    budget_seconds: budget,
  });
  const watch = turn.watch(name);
  if (watch === undefined) return;
  turn.setWatch(name, { ...watch, suspicion: { phase, since: turn.now.mono - silent } });
}

/** One training at a time holds the machine; the next in the queue starts when it is free. */
function schedule(turn: Turn): void {
  if (turn.state.host_bad !== null) return;
  const jobs = Object.values(turn.state.jobs);
  const active = jobs.find(isActive);
  if (active === undefined) {
    const next = jobs.find((job) => job.run.at === 'queued');
    if (next !== undefined && !wantsModels(turn, next)) turn.prepare(next.name);
    return;
  }
  if (active.run.at !== 'waiting') return;
  const left = active.run.until - turn.now.wall;
  // A wall clock set back must not make a wait longer than any backoff can be.
  if (left <= 0 || left > turn.policy.retry.backoff.max_seconds) turn.prepare(active.name);
}
