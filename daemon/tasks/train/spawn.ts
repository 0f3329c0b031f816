import { knobsOf, resumeArgs, type Turned } from '../../../trainer/adapters/index.js';
import { LaunchFailed, launch, type Standby } from '../../../trainer/process/index.js';
import type { CheckpointRef } from '../../core/index.js';
import type { Surroundings } from './context.js';
import { environmentOf } from './environment.js';
import { noteGpuMemory } from './gpu-proof.js';
import { Live } from './live.js';

interface Next {
  readonly attempt: number;
  readonly from: CheckpointRef | null;
  readonly knobs: Turned;
  /** The kernel's count of out-of-memory kills just now; null where it does not say. */
  readonly oom_kills: number | null;
}

/** Starts an attempt, by the shepherd that waits for it if there is one. Gives it to `watch` as soon as it
 * lives, and tells the core of it, or of why it could not be started. */
export async function spawn(
  at: Surroundings,
  { attempt, from, knobs: turned, oom_kills }: Next,
  standby: Standby | null,
  watch: (live: Live) => void,
): Promise<void> {
  const { name: job, plan, paths } = at;
  const knobs = knobsOf(plan, turned);
  const argv = [...resumeArgs(plan, from), ...knobs.args];
  const env = environmentOf(at, knobs.env, from);
  try {
    const how = {
      dir: paths.attempt(attempt),
      attempt,
      argv,
      cwd: plan.cwd,
      env,
      lineage: at.lineage,
      tether: at.tether,
      log: paths.log(attempt),
      facts: { job, attempt, from, oom_kills },
      onTrouble: (what: string) => at.log.warn(`${job}: ${what}`),
    };
    const { child, shepherd, trainer } = await launch(how, () => {}, standby);
    void noteGpuMemory(at, attempt);
    watch(new Live(at, attempt, shepherd, trainer, child));
    await at.observe({ is: 'spawned', job, attempt, shepherd, trainer });
  } catch (error) {
    const permanent = error instanceof LaunchFailed && error.permanent;
    const reason = (error as Error).message;
    await at.observe({ is: 'spawn_failed', job, attempt, reason, permanent, from });
  } finally {
    // If it was not up to this order.
    standby?.end();
  }
}
