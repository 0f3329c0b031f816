/** Training time that moved a run beyond its highest step, in seconds: the numerator of ETTR. The time
 * between two steps belongs to the later one, whatever passed in it: a save, a sample, a stall. */
export class Gain {
  seconds = 0;
  private high = 0;
  private last: number | null = null;

  /** `steps` up to `step` were made; the part of them that was new. */
  stepped(at: number, step: number, steps: number): number {
    const share = step > this.high ? Math.min(steps, step - this.high) / steps : 0;
    if (this.last !== null) this.seconds += (at - this.last) * share;
    this.last = at;
    this.high = Math.max(this.high, step);
    return share;
  }

  /** Another attempt; `at`: when its first step begins, null where that is start-up. */
  restart(at: number | null): void {
    this.last = at;
  }
}
