import { parseJob } from '../../config/index.js';
import { type QueueJob, queueJob } from './queue-job.js';

/**
 * Sees to it that a job is done, whatever an earlier daemon made of it: queued where it is not known,
 * resumed where it failed or was stopped, left as it is where it goes on or is finished. A scheduler
 * that starts the same command line a second time wants the rest of the work, not all of it again.
 * @returns why it was refused, in words; null when it was not.
 */
export async function bringJob(how: QueueJob): Promise<string | null> {
  const { name } = parseJob(how.text, how.source, how.env);
  const { jobs } = how.engine.state;
  const at = Object.hasOwn(jobs, name) ? jobs[name]?.run.at : undefined;
  if (at === undefined) {
    const queued = await queueJob(how);
    return queued.ok ? null : queued.error;
  }
  if (at !== 'failed' && at !== 'stopped') return null;
  const answer = await how.engine.request({ is: 'resume', job: name });
  return answer.ok ? null : answer.error;
}
