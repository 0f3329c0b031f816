import { readStat, refOf } from '../../../trainer/process/index.js';
import type { JobStatus, ProcessRef } from '../../core/index.js';
import type { Client } from '../client.js';
import { CliError } from '../errors.js';
import { isOver, jobNamed } from '../jobs.js';
import { news } from '../news.js';
import { pause, waitFor } from '../wait.js';
import { type DemoDaemon, heartbeat, killDaemon, startDemoDaemon } from './daemon.js';
import type { Show } from './show.js';

/** A training must end within this; on two slow shared cores it takes a tenth. */
const LIMIT_MS = 150_000;
const POLL_MS = 120;

export interface Scene {
  readonly home: string;
  readonly job: string;
  readonly show: Show;
  readonly signal: AbortSignal;
}

/** The demo was interrupted by its owner. */
export class Interrupted extends CliError {
  constructor() {
    super('interrupted; everything the demo had started was ended');
  }
}

/**
 * Watches a training until it is over or `until` says so, telling what happens.
 * Throws when it does not end in time, or is put on hold.
 */
export async function watch(
  scene: Scene,
  client: Client,
  from: JobStatus | null,
  until: (job: JobStatus) => boolean = () => false,
): Promise<JobStatus> {
  const deadline = performance.now() + LIMIT_MS;
  let last = from;
  for (;;) {
    const job = upToDate(scene, jobNamed(await client.status(), scene.job));
    for (const line of last === null ? [] : news(last, job)) scene.show.event(line);
    scene.show.progress(job);
    if (isOver(job) || until(job)) return job;
    if (job.state === 'holding') throw new CliError(`${job.reason} ${job.remedy}`);
    if (performance.now() > deadline) throw new CliError(`${scene.job} did not end in time.`);
    last = job;
    if (!(await pause(POLL_MS, scene.signal))) throw new Interrupted();
  }
}

/** The status with the step and loss of the heartbeat, which is ahead of the journal by up to some
 * seconds. */
function upToDate(scene: Scene, job: JobStatus): JobStatus {
  if (job.state !== 'running') return job;
  const beat = heartbeat(scene.home, scene.job, job.attempt);
  if (beat === null || beat.step < (job.step ?? 0)) return job;
  return {
    ...job,
    step: beat.step,
    loss: beat.loss ?? job.loss,
    last_step_time: Date.now() / 1000,
  };
}

/** How many steps are to be made without any daemon, and how long we wait for them. */
const ORPHAN_STEPS = 15;
const ORPHAN_WITHIN_MS = 10_000;

export interface Orphaned {
  readonly daemon: DemoDaemon;
  /** The trainer that lived on without its daemon. */
  readonly trainer: ProcessRef;
}

/** Kills the daemon under a running training, lets the training go on alone, starts another. */
export async function orphan(
  scene: Scene,
  daemon: DemoDaemon,
  job: JobStatus,
  env: NodeJS.ProcessEnv,
): Promise<Orphaned> {
  const { home, show, signal } = scene;
  const stat = job.trainer_pid === null ? null : readStat(job.trainer_pid);
  if (stat === null) throw new CliError('There is no trainer that could outlive the daemon.');
  await killDaemon(daemon);
  const stepNow = () => heartbeat(home, scene.job, job.attempt)?.step ?? null;
  const from = stepNow() ?? job.step ?? 0;
  show.event(`daemon (pid ${daemon.pid}) killed with SIGKILL at step ${from}; nobody watches now`);
  const to = await waitFor(
    () => {
      const step = stepNow();
      return step !== null && step >= from + ORPHAN_STEPS ? step : null;
    },
    ORPHAN_WITHIN_MS,
    { signal },
  );
  if (signal.aborted) throw new Interrupted();
  if (to !== null) show.event(`the trainer (pid ${stat.pid}) goes on alone: step ${from} to ${to}`);
  const next = await startDemoDaemon(home, env);
  show.event(`another daemon started (pid ${next.pid})`);
  return { daemon: next, trainer: refOf(stat) };
}
