import type { TrainerPlan } from './plan.js';
import type { Rng } from './rng.js';

/** What a trainer does between two moments, as far as it can be seen from outside. */
export type Doing =
  | 'busy'
  | 'idle'
  | 'chatter'
  | 'livelock'
  | 'livelock_log'
  | 'storage'
  | 'stopped';

/** The counters that the edges read, and their noise: background threads use a little CPU all the
 * time and a burst of it now and then, and write a heartbeat; a line of output is news now and then. */
export class Usage {
  cpu = 0;
  io = 0;
  log = 0;

  constructor(
    private readonly plan: TrainerPlan,
    private readonly rng: Rng,
  ) {}

  pass(doing: Doing, seconds: number): void {
    if (seconds <= 0) return;
    const { rng, plan } = this;
    if (doing === 'stopped') return;
    this.cpu += plan.background * seconds;
    this.io += 2000 * seconds;
    if (rng.chance(1 - Math.exp(-seconds / 40))) this.cpu += rng.between(0.05, 0.3);
    if (doing === 'busy') {
      this.cpu += plan.cpu * seconds * rng.between(0.8, 1.2);
      this.io += 1e6 * seconds * rng.next();
      if (rng.chance(1 - Math.exp(-seconds / 20))) this.log += 60;
    }
    if (doing === 'livelock' || doing === 'livelock_log')
      this.cpu += Math.max(0.5, plan.cpu) * seconds;
    if (doing === 'livelock_log') this.log += Math.floor(seconds * 2) * 80;
    if (doing === 'chatter' && rng.chance(1 - Math.exp(-seconds / 300))) this.log += 70;
  }

  /** What nvidia-smi would say; null on a machine that does not tell. Once in a hundred looks another
   * program is seen. */
  gpu(doing: Doing): number | null {
    if (!this.plan.gpu_telemetry) return null;
    if (doing === 'busy') return this.rng.between(0.2, 1);
    return this.rng.chance(0.01) ? this.rng.between(0.1, 0.5) : this.rng.between(0, 0.03);
  }
}
