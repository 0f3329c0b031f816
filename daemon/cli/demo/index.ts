import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { homePaths } from '../../../config/index.js';
import type { Entry, JobStatus, ProcessRef } from '../../core/index.js';
import { entries } from '../../journal/index.js';
import { findDaemon } from '../client.js';
import { CliError } from '../errors.js';
import { count, loss } from '../format/index.js';
import { endDaemon, startDemoDaemon } from './daemon.js';
import { type DemoHomes, loraPath, makeHomes } from './homes.js';
import { endMarked, killMarked, markedEnv } from './ours.js';
import { demoJob, faultsOf, PLAN } from './plan.js';
import type { Show } from './show.js';
import { orphan, type Scene, watch } from './training.js';
import { type Account, accountOf, objections, prove } from './verdict.js';

export { type DemoHomes, keepResults } from './homes.js';
export { PLAN } from './plan.js';
export { type Show, silentShow, terminalShow } from './show.js';
export { type Account, NOTHING } from './verdict.js';

export interface DemoOptions {
  /** An empty or missing folder; null for a temporary one. */
  readonly home: string | null;
  readonly env: NodeJS.ProcessEnv;
  readonly show: Show;
  readonly signal: AbortSignal;
  /** Called while the homes are still there, with everything ended. */
  readonly onDone: (account: Account, homes: DemoHomes) => void;
  readonly keep: boolean;
}

/** The demo failed; its home was kept for a look. */
export class DemoFailed extends CliError {
  constructor(
    message: string,
    readonly home: string,
    readonly account: Account | null,
  ) {
    super(`The demo failed: ${message}. Its home was kept: ${home}`);
  }
}

/**
 * Two trainings of one LoRA with the same seed, one in peace, one with a crash, a hang and the death
 * of its daemon. Gives the account; throws {@link DemoFailed} when it is not what it should be. On
 * every way out all that was started is ended.
 */
export async function runDemo(options: DemoOptions): Promise<Account> {
  const started = performance.now();
  const homes = makeHomes(options.home);
  const mark = randomUUID();
  const env = markedEnv(options.env, mark);
  // Whatever ends this process, short of SIGKILL, ends what it started.
  const atExit = () => killMarked(mark);
  process.once('exit', atExit);
  let account: Account | null = null;
  try {
    try {
      account = await perform(homes, env, options, started);
    } finally {
      await endAll(homes, mark);
      process.off('exit', atExit);
    }
    const wrong = objections(account);
    if (wrong.length > 0) throw new CliError(wrong.join(', '));
    options.onDone(account, homes);
  } catch (error) {
    if (options.signal.aborted) {
      if (!options.keep) rmSync(homes.night, { recursive: true, force: true });
      throw error;
    }
    throw new DemoFailed((error as Error).message.replace(/\.$/, ''), homes.night, account);
  }
  if (!options.keep) rmSync(homes.night, { recursive: true, force: true });
  return account;
}

async function perform(
  homes: DemoHomes,
  env: NodeJS.ProcessEnv,
  { show, signal }: DemoOptions,
  started: number,
): Promise<Account> {
  const { job, steps } = PLAN;
  show.event(`first training: ${steps} steps, left in peace`);
  const baseline = await inPeace({ home: homes.baseline, job, show, signal }, env);
  tellEnd(show, baseline);
  show.next();
  show.event('second training: the same seed, and a bad night');
  const { night, trainer } = await badNight({ home: homes.night, job, show, signal }, env);
  tellEnd(show, night);
  const journal = await journalOf(homes.night);
  return accountOf({
    baseline,
    night,
    proof: prove(journal, trainer),
    lora_sha256: sha256(loraPath(homes.night, PLAN)),
    baseline_sha256: sha256(loraPath(homes.baseline, PLAN)),
    wall_seconds: (performance.now() - started) / 1000,
  });
}

async function inPeace(scene: Scene, env: NodeJS.ProcessEnv): Promise<JobStatus> {
  const daemon = await startDemoDaemon(scene.home, env);
  await daemon.client.queue(join(scene.home, 'demo.yaml'), demoJob(PLAN, []));
  const job = await watch(scene, daemon.client, null);
  await endDaemon(scene.home, daemon);
  return job;
}

async function badNight(
  scene: Scene,
  env: NodeJS.ProcessEnv,
): Promise<{ night: JobStatus; trainer: ProcessRef | null }> {
  let daemon = await startDemoDaemon(scene.home, env);
  await daemon.client.queue(join(scene.home, 'demo.yaml'), demoJob(PLAN, faultsOf(PLAN)));
  const before = await watch(
    scene,
    daemon.client,
    null,
    (job) => isTraining(job) && job.step !== null && job.step >= PLAN.killDaemonAt,
  );
  if (!isTraining(before)) return { night: before, trainer: null };
  const orphaned = await orphan(scene, daemon, before, env);
  daemon = orphaned.daemon;
  const night = await watch(scene, daemon.client, before);
  await endDaemon(scene.home, daemon);
  return { night, trainer: orphaned.trainer };
}

/** With a trainer that can outlive its daemon, and not in the midst of another fault's recovery. */
function isTraining({ state, trainer_pid }: JobStatus): boolean {
  return (state === 'running' || state === 'suspect') && trainer_pid !== null;
}

function tellEnd(show: Show, job: JobStatus): void {
  const end = job.loss === null ? '' : `, loss ${loss(job.loss)}`;
  const graph = show.graph();
  show.event(
    `${count(job.attempt, 'attempt')}${end}${graph === '' ? '' : `, falling like this: ${graph}`}`,
  );
}

async function journalOf(home: string): Promise<Entry[]> {
  const found: Entry[] = [];
  for await (const entry of entries<Entry>(homePaths(home).state)) found.push(entry);
  return found;
}

function sha256(path: string): string | null {
  if (!existsSync(path)) return null;
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function endAll(homes: DemoHomes, mark: string): Promise<void> {
  const daemons = [homes.night, homes.baseline].flatMap((home) => findDaemon(home)?.pid ?? []);
  const left = await endMarked(mark, daemons);
  if (left.length > 0) throw new CliError(`these processes would not end: ${left.join(', ')}`);
}
