import { isActive, type Job } from '../state.js';
import { judge } from '../verdict.js';
import { credit, rearm, type Watch } from '../watch.js';
import { flush } from './beat.js';
import { policyOf } from './policy-of.js';
import type { Turn } from './turn.js';

/** A pause between two ticks beyond this (seconds) means that the daemon itself stood still. */
const STALLED = 5;
/** The wall clock and the monotonic clock may part by this much (seconds) between two ticks. */
const JUMPED = 30;

/** The clocks are read: stalls of our own, the verdict on each running job, what is due to start. */
export function onTick(turn: Turn): void {
  rearmAfterStall(turn);
  for (const job of Object.values(turn.state.jobs)) {
    if (job.run.at === 'running' || job.run.at === 'starting') look(turn, job, job.run.attempt);
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
    const watch = turn.watch(job.name);
    if (watch === undefined) continue;
    if (watch.suspicion !== null) {
      const { phase, since } = watch.suspicion;
      turn.emit({
        type: 'suspicion_resolved',
        job: job.name,
        attempt: watch.attempt,
        phase,
        silent_seconds: turn.now.mono - since,
        by: 'rearm',
      });
    }
    turn.setWatch(job.name, rearm(watch, turn.now.mono));
  }
}

function look(turn: Turn, job: Job, attempt: number): void {
  const before = turn.watch(job.name);
  if (before === undefined) return;
  const { mono } = turn.now;
  const watch: Watch = { ...credit(before, before.last_beat_at, mono), last_beat_at: mono };
  turn.setWatch(job.name, watch);
  flush(turn, job.name, attempt, {}, false);
  const verdict = judge(watch, job.learned, policyOf(job, turn.policy).hang, mono);
  if (verdict.is === 'fine') return;
  turn.command({ do: 'observe', job: job.name, attempt });
  if (watch.suspicion === null) {
    turn.emit({
      type: 'suspicion_raised',
      job: job.name,
      attempt,
      phase: verdict.phase,
      silent_seconds: verdict.silent,
      budget_seconds: verdict.budget,
    });
    const current = turn.watch(job.name) ?? watch;
    turn.setWatch(job.name, {
      ...current,
      suspicion: { phase: verdict.phase, since: mono - verdict.silent },
    });
  }
  if (verdict.is !== 'hang') return;
  flush(turn, job.name, attempt, {}, true);
  turn.emit({
    type: 'hang_confirmed',
    job: job.name,
    attempt,
    phase: verdict.phase,
    silent_seconds: verdict.silent,
    why: verdict.why,
  });
  turn.setWatch(job.name, null);
  turn.command({ do: 'evidence', job: job.name, attempt, why: verdict.why });
}

/** One training at a time holds the machine; the next in the queue starts when it is free. */
function schedule(turn: Turn): void {
  if (turn.state.host_bad !== null) return;
  const jobs = Object.values(turn.state.jobs);
  const active = jobs.find(isActive);
  if (active === undefined) {
    const next = jobs.find((job) => job.run.at === 'queued');
    if (next !== undefined) turn.prepare(next.name);
    return;
  }
  if (active.run.at !== 'waiting') return;
  const left = active.run.until - turn.now.wall;
  // A wall clock set back must not make a wait longer than any backoff can be.
  if (left <= 0 || left > turn.policy.retry.backoff.max_seconds) turn.prepare(active.name);
}
