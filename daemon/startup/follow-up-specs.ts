import { isAbsolute } from 'node:path';
import type { Config, JobFile } from '../../config/index.js';
import type { TrainerPlan } from '../../trainer/adapters/index.js';
import { FOLLOW_UPS, type FollowUp, type Job, type JobSpec } from '../core/index.js';
import type { DeliverSpec } from '../tasks/deliver/index.js';
import type { PublishSpec } from '../tasks/publish/index.js';

type Specs = NonNullable<JobSpec['follow_ups']>;

/** A request for a follow-up that makes no sense, in words for whoever sent it. */
export class BadRequest extends Error {}

/** What a job file asks for once the training is finished, as it is journalled. */
export function followUpsOf(
  job: JobFile,
  plan: TrainerPlan,
  config: Pick<Config, 'deliver'>,
): Specs {
  const specs: { deliver?: DeliverSpec; publish?: PublishSpec } = {};
  if (job.deliver.length > 0) specs.deliver = { to: job.deliver, by: config.deliver.by };
  if (job.publish !== null) specs.publish = job.publish;
  const [first] = Object.keys(specs);
  if (first !== undefined && plan.done.artefact === null) {
    throw new BadRequest(
      `${first}: there would be nothing to ${first}. Name the file that the training leaves under done.artefact.`,
    );
  }
  return specs;
}

export const isFollowUp = (name: string): name is FollowUp =>
  (FOLLOW_UPS as readonly string[]).includes(name);

/** The spec of a follow-up asked for by command: what the request leaves out is as in the job's file,
 * and where that says nothing the usual. Throws BadRequest. */
export function specFor(
  task: FollowUp,
  asked: Readonly<Record<string, unknown>>,
  job: Job,
  config: Pick<Config, 'deliver'>,
): unknown {
  switch (task) {
    case 'deliver':
      return deliverSpec(asked, job, config);
    case 'publish':
      return publishSpec(asked, job);
  }
}

function deliverSpec(
  asked: Readonly<Record<string, unknown>>,
  job: Job,
  config: Pick<Config, 'deliver'>,
): DeliverSpec {
  const own = job.spec.follow_ups?.deliver as DeliverSpec | undefined;
  const { to = own?.to ?? ['auto'], by = own?.by ?? config.deliver.by, ...rest } = asked;
  refuseOthers(rest, ['to', 'by']);
  if (!isFolders(to))
    throw new BadRequest('"to": expected a list of absolute paths of folders, or ["auto"]');
  if (by !== 'copy' && by !== 'link') throw new BadRequest('"by": expected copy or link');
  return { to, by };
}

const PLAIN: PublishSpec = {
  repo: null,
  private: true,
  base_model: null,
  instance_prompt: null,
  license: null,
  license_name: null,
  license_link: null,
  tags: [],
  samples: null,
  lora: 'final',
};

function publishSpec(asked: Readonly<Record<string, unknown>>, job: Job): PublishSpec {
  const own = (job.spec.follow_ups?.publish as PublishSpec | undefined) ?? PLAIN;
  const { repo = own.repo, private: hidden = own.private, ...others } = asked;
  const { lora = own.lora ?? 'final', ...rest } = others;
  refuseOthers(rest, ['repo', 'private', 'lora']);
  if (repo !== null && !(typeof repo === 'string' && /^[\w.-]+\/[\w.-]+$/.test(repo)))
    throw new BadRequest('"repo": expected a repository such as me/my-lora');
  if (typeof hidden !== 'boolean') throw new BadRequest('"private": expected true or false');
  if (!(typeof lora === 'string' && /^(final|best|.*\.safetensors)$/.test(lora)))
    throw new BadRequest('"lora": expected final, best, or the path of a saved .safetensors file');
  return { ...own, repo, private: hidden, lora };
}

function isFolders(to: unknown): to is string[] {
  return (
    Array.isArray(to) &&
    to.length > 0 &&
    to.every((path) => typeof path === 'string' && (path === 'auto' || isAbsolute(path)))
  );
}

function refuseOthers(rest: Record<string, unknown>, known: readonly string[]): void {
  const [extra] = Object.keys(rest);
  if (extra !== undefined)
    throw new BadRequest(`"${extra}" is not known here; known: ${known.join(', ')}`);
}
