import type { JobStatus } from '../core/index.js';

const WINDOW_SECONDS = 30;

/** Steps per second as a reader of statuses sees them, over the last half minute. */
export class SpeedMeter {
  private samples: { step: number; time: number }[] = [];

  /** Takes a status in and gives the speed, null while there is too little to tell by. */
  update({ step, last_step_time: time }: JobStatus): number | null {
    if (step === null || time === null) return null;
    const last = this.samples.at(-1);
    // A resume goes back to the checkpoint: what was before says nothing about the speed.
    if (last !== undefined && step < last.step) this.samples = [];
    if (last === undefined || step !== last.step) this.samples.push({ step, time });
    while (this.samples.length > 2 && time - this.samples[1]!.time >= WINDOW_SECONDS) {
      this.samples.shift();
    }
    const [first] = this.samples;
    const newest = this.samples.at(-1);
    if (first === undefined || newest === undefined || newest.time <= first.time) return null;
    return (newest.step - first.step) / (newest.time - first.time);
  }
}
