import { kill } from '../../../trainer/process/index.js';
import { chooseCheckpoint, chooseFinite } from './checkpoints.js';
import type { Surroundings } from './context.js';
import { said } from './unkillable.js';

/** Finds the checkpoint to start from, with nothing of the job alive. After a NaN it has to be from
 * before step `below`, its weights finite. */
export async function prepare(at: Surroundings, below: number | null): Promise<void> {
  // Whatever an earlier life of this job left running would be a second trainer beside the first.
  const cleared = await kill(
    { lineage: at.lineage, shepherd: null, since: 0 },
    { grace_seconds: at.settings.grace_seconds, verify_seconds: at.settings.verify_seconds },
  );
  if (cleared.is === 'survived') {
    const survivors = cleared.survivors.map(({ pid }) => pid);
    const why = `processes of an earlier attempt that SIGKILL does not end: ${said(cleared.survivors)}`;
    return at.observe({ is: 'leftovers', job: at.name, survivors, why });
  }
  const nan = at.job()?.next_reason === 'nan';
  const from = nan ? await chooseFinite(at, below) : await chooseCheckpoint(at);
  await at.observe({ is: 'prepared', job: at.name, from });
}
