import type { Heartbeat } from './format.js';

/** What all ranks together say; the run is where its slowest rank is. */
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
    const first = beats[0];
    const steps = beats.map((beat) => beat.step);
    const known = steps.filter((step) => step !== null);
    return {
      step: known.length === 0 ? null : Math.min(...known),
      total: first?.total_steps ?? null,
      epoch: first?.epoch ?? null,
      loss: first?.loss ?? null,
      phases: first?.phases?.map((phase) => phase.name) ?? null,
    };
  }
}
