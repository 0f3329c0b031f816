import { bringJob } from './bring-job.js';
import { demoJob } from './demo-job.js';
import { jobSpecOf, type QueueJob } from './queue-job.js';

interface Wanted {
  /** Queue the demo job when this home has never had a job. */
  readonly demoIfEmpty?: boolean;
  readonly job?: Pick<QueueJob, 'source' | 'text'>;
}

/** Queues what a daemon was started for. Throws where that is refused. */
export async function bringFirst(
  about: Omit<QueueJob, 'source' | 'text'> & { readonly home: { readonly config: string } },
  { demoIfEmpty, job }: Wanted,
): Promise<void> {
  const { engine, home, config } = about;
  if (demoIfEmpty && Object.keys(engine.state.jobs).length === 0)
    await engine.request({ is: 'queue', spec: jobSpecOf(demoJob(home), home, config) });
  if (job === undefined) return;
  const refused = await bringJob({ ...about, ...job });
  if (refused !== null) throw new Error(refused);
}
