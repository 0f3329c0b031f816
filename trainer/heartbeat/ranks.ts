import type { Heartbeat } from './format.js';

/** What all ranks together say: the run is where its slowest rank is, a loss that is lost on one rank
 * is lost, and the rest is of the lowest rank that tells it. */
export interface Merged {
  readonly step: number | null;
  readonly total: number | null;
  readonly epoch: number | null;
  readonly loss: number | null;
  readonly phases: readonly string[] | null;
}

/** Keeps the newest beat of each rank of one attempt. A file that comes late, or belongs to another
 * attempt, says nothing. */
export class Ranks {
  private readonly latest = new Map<number, Heartbeat>();

  constructor(private readonly attempt: number) {}

  /** True when the beat was news. */
  take(beat: Heartbeat): boolean {
    if (beat.attempt !== this.attempt) return false;
    const known = this.latest.get(beat.rank);
    if (known !== undefined && known.pid === beat.pid && beat.seq <= known.seq) return false;
    this.latest.set(beat.rank, beat);
    return true;
  }

  merged(): Merged {
    const beats = [...this.latest.values()].sort((a, b) => a.rank - b.rank);
    const known = <K extends keyof Heartbeat>(key: K) =>
      beats.map((beat) => beat[key]).filter((value) => value !== null);
    const steps = known('step');
    const losses = known('loss');
    return {
      step: steps.length === 0 ? null : Math.min(...steps),
      total: known('total_steps')[0] ?? null,
      epoch: known('epoch')[0] ?? null,
      loss: losses.find(Number.isNaN) ?? losses[0] ?? null,
      phases: known('phases')[0]?.map((phase) => phase.name) ?? null,
    };
  }
}
