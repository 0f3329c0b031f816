import { kill, type Target } from '../../../trainer/process/index.js';
import type { Surroundings } from './context.js';

/** A scheduler that ends a job gives it 30 s by default, Slurm (KillWait) and Kubernetes alike; all of
 * this together, and the journal's last write, have to be done in 25. */
export const LAST = { work_seconds: 2, grace_seconds: 14, verify_seconds: 4 };

/** Ends whatever runs of a job: the scheduler takes the machine away. The shepherd writes down how the
 * trainer ended, and the next daemon, wherever it is, goes on from its last checkpoint. */
export async function endForGood(at: Surroundings, target: Target | null): Promise<void> {
  const ended = await kill(target ?? { lineage: at.lineage, shepherd: null, since: 0 }, {
    grace_seconds: Math.min(at.settings.grace_seconds, LAST.grace_seconds),
    verify_seconds: LAST.verify_seconds,
  });
  if (ended.is === 'survived')
    at.log.error(`${at.name}: cannot be ended before this machine is taken away`, { ...ended });
}
