import { createHash } from 'node:crypto';
import {
  type Config,
  ConfigError,
  type JobFile,
  jobFault,
  loadModels,
  type Problem,
  parseJob,
  settingsForJob,
} from '../../config/index.js';
import { AdapterError, planJob, type TrainerPlan } from '../../trainer/adapters/index.js';
import type { JobSpec } from '../core/index.js';
import type { Engine } from '../engine/index.js';
import type { TrainPlan } from '../tasks/train/index.js';
import { BadRequest, followUpsOf } from './follow-up-specs.js';

export type Queued =
  | { readonly ok: true; readonly name: string }
  | {
      readonly ok: false;
      readonly status: 400 | 409;
      readonly error: string;
      readonly problems?: readonly Problem[];
    };

export interface QueueJob {
  readonly engine: Engine;
  readonly home: { readonly root: string; readonly outputs: string };
  readonly config: Pick<Config, 'hang' | 'kill' | 'deliver'>;
  readonly env: NodeJS.ProcessEnv;
  /** Path of the job file: names it in messages, and its folder is what `cwd` counts from. */
  readonly source: string;
  readonly text: string;
}

/** Reads a job file's text and puts the job in the queue. Bad files and taken names are refused. */
export async function queueJob({
  engine,
  home,
  config,
  env,
  source,
  text,
}: QueueJob): Promise<Queued> {
  let spec: JobSpec;
  try {
    spec = jobSpecOf(parseJob(text, source, env), home, config);
  } catch (thrown) {
    const error = thrown instanceof AdapterError ? placed(thrown, text, source) : thrown;
    if (error instanceof ConfigError)
      return { ok: false, status: 400, error: error.message, problems: error.problems };
    if (error instanceof BadRequest)
      return { ok: false, status: 400, error: `${source}: ${error.message}` };
    throw error;
  }
  const answer = await engine.request({ is: 'queue', spec });
  return answer.ok
    ? { ok: true, name: spec.name }
    : { ok: false, status: 409, error: answer.error };
}

const placed = ({ key, message }: AdapterError, text: string, source: string): ConfigError =>
  jobFault(text, source, key, message.slice(key.length + 2));

/** What is journalled of a job: all that its attempts need, so that a restarted daemon runs exactly
 * what was queued. */
export function jobSpecOf(
  job: JobFile,
  home: { readonly root: string; readonly outputs: string },
  config: Pick<Config, 'hang' | 'kill' | 'deliver'>,
): JobSpec {
  // A name that is nowhere is told now, and not in the middle of the night.
  if (job.models.length > 0) loadModels(home.root).chosen(job.models);
  const plan = planJob(job, { home: home.root, outputs: home.outputs });
  const follow_ups = followUpsOf(job, plan, config);
  const { kill } = settingsForJob(config, job);
  const ownHang = Object.keys(job.hang).length > 0;
  const ownKill = Object.keys(job.kill).length > 0;
  return {
    name: job.name,
    trainer: job.trainer,
    target_step: plan.done.step,
    ...(plan.done.total ? { total_is_target: true as const } : {}),
    has_artefact: plan.done.artefact !== null,
    profile: profileOf(job, plan),
    knobs: {
      oom: plan.remedies.oom.length,
      host_oom: plan.remedies.host_oom.length,
      nan: plan.remedies.nan === null ? 0 : 1,
    },
    plan: { ...plan, kill: killOf(plan, kill, ownKill), ...secretsOf(job) } satisfies TrainPlan,
    ...(job.models.length > 0 ? { models: job.models } : {}),
    ...(Object.keys(follow_ups).length > 0 ? { follow_ups } : {}),
    ...(ownHang ? { hang: job.hang as Record<string, unknown> } : {}),
  };
}

/** The job's own way of being ended; a trainer that saves on a signal of its own hears that one. */
function killOf(plan: TrainerPlan, kill: Config['kill'], own: boolean): TrainPlan['kill'] {
  if (plan.stop_signal === undefined) return own ? kill : null;
  const grace_seconds = own ? kill.grace_seconds : Math.max(kill.grace_seconds, SAVING_SECONDS);
  return { ...kill, grace_seconds, signal: plan.stop_signal };
}

/** What saving may take a trainer that was asked to end. */
const SAVING_SECONDS = 90;

const secretsOf = ({ secrets }: JobFile): Pick<TrainPlan, 'secrets'> =>
  secrets.length > 0 ? { secrets } : {};

/** Jobs that run the same command in the same way share a profile, whatever they are called. */
function profileOf(job: JobFile, plan: TrainerPlan): string {
  const { trainer, argv, env } = plan;
  const words = argv.map((word) => word.replaceAll(job.name, '{name}'));
  return createHash('sha256')
    .update(JSON.stringify([trainer, words, env]))
    .digest('hex')
    .slice(0, 16);
}
