/** What a file is cut into: the piece of which at most one a connection is fetched again after a
 * kill. */
export const UNIT = 4 * 2 ** 20;

export interface Run {
  /** Number of its first unit, and how many follow one another. */
  readonly first: number;
  readonly count: number;
}

const FREE = 0;
const TAKEN = 1;
const DONE = 2;

/** Which units of a file are there, under way, or still to be fetched. No I/O. */
export class Chunks {
  readonly count: number;
  private readonly units: Uint8Array;
  private firstFree = 0;
  private prefix = 0;
  private done = 0;
  private taken = 0;

  constructor(
    readonly size: number,
    done: Iterable<number> = [],
  ) {
    this.count = Math.ceil(size / UNIT);
    this.units = new Uint8Array(this.count);
    for (const unit of done) this.finish(unit);
  }

  /** Takes the first free units in a row, at most `limit`; null when none is free. Always from the
   * front, so that what is there grows as one piece and can be hashed as it comes. */
  take(limit: number): Run | null {
    while (this.firstFree < this.count && this.units[this.firstFree] !== FREE) this.firstFree += 1;
    const first = this.firstFree;
    let count = 0;
    while (count < limit && first + count < this.count && this.units[first + count] === FREE) {
      this.units[first + count] = TAKEN;
      count += 1;
    }
    this.taken += count;
    return count === 0 ? null : { first, count };
  }

  /** What is not finished of a run may be taken by another. */
  giveBack({ first, count }: Run): void {
    for (let unit = first; unit < first + count; unit++) {
      if (this.units[unit] !== TAKEN) continue;
      this.units[unit] = FREE;
      this.taken -= 1;
      this.firstFree = Math.min(this.firstFree, unit);
    }
  }

  finish(unit: number): void {
    if (unit < 0 || unit >= this.count || this.units[unit] === DONE) return;
    if (this.units[unit] === TAKEN) this.taken -= 1;
    this.units[unit] = DONE;
    this.done += 1;
    while (this.prefix < this.count && this.units[this.prefix] === DONE) this.prefix += 1;
  }

  get complete(): boolean {
    return this.done === this.count;
  }

  get free(): number {
    return this.count - this.done - this.taken;
  }

  /** Bytes from the start of the file without a gap. */
  get contiguous(): number {
    return Math.min(this.size, this.prefix * UNIT);
  }

  get bytesDone(): number {
    const last = this.count - 1;
    const short = this.count > 0 && this.units[last] === DONE ? this.count * UNIT - this.size : 0;
    return this.done * UNIT - short;
  }

  finished(): number[] {
    return [...this.units.keys()].filter((unit) => this.units[unit] === DONE);
  }

  /** First byte of a unit, and the one after its last. */
  bounds(run: Run): readonly [start: number, end: number] {
    return [run.first * UNIT, Math.min(this.size, (run.first + run.count) * UNIT)];
  }
}

/** A request's wait for its first byte should be at most this part of its whole time. */
const WAIT_SHARE = 1 / 8;
const LONGEST_RUN = 16;

/**
 * How many units to ask for at once. Far servers get longer runs, so that the wait for each answer
 * weighs little; near the end runs shrink, so that all connections finish together (guided
 * self-scheduling, Polychronopoulos and Kuck 1987).
 * @param wait seconds to the first byte of an answer, and `rate` the bytes a second after it; null
 *   before anything was measured.
 */
export function runLength(
  free: number,
  connections: number,
  measured: { readonly wait: number; readonly rate: number } | null,
): number {
  const wanted = measured === null ? 1 : (measured.wait * measured.rate) / WAIT_SHARE / UNIT;
  const fair = Math.ceil(free / (2 * connections));
  return Math.max(1, Math.min(Math.round(wanted), fair, LONGEST_RUN));
}
