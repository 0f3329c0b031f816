import { basename } from 'node:path';
import { commit } from '@huggingface/hub';
import { hubTokens } from '../../../config/index.js';
import type { CheckpointSpec } from '../../../trainer/checkpoints/index.js';
import type { FollowUpOutcome, Job } from '../../core/index.js';
import { Cannot, failureOf } from '../cannot.js';
import { GIVE, repoToWrite } from './account.js';
import { cardOf } from './card.js';
import { type ChosenLora, chosenLora } from './chosen-lora.js';
import { type Local, localFile, localText, samplesOf } from './files.js';
import { explained, hubUrlOf } from './hub.js';
import { type HubFetch, hubFetch, longestCommit } from './hub-fetch.js';
import { promptsOf } from './prompts.js';
import { ensureRepo, hasOwnCard, missing, type Remote } from './remote.js';

/** What is journalled of a publishing. */
export interface PublishSpec {
  /** `owner/name`; null for the job's name under the token's owner. */
  readonly repo: string | null;
  readonly private: boolean;
  readonly base_model: string | null;
  readonly instance_prompt: string | null;
  readonly license: string | null;
  readonly license_name: string | null;
  readonly license_link: string | null;
  readonly tags: readonly string[];
  /** A pattern of paths, relative to the job's folder; null for those beside the LoRA. */
  readonly samples: string | null;
  /** `final`, `best`, or the path of a saved LoRA, relative to the job's folder; where absent (journals from
   * before there was a choice) the final one. */
  readonly lora?: string;
}

export interface PublishContext {
  readonly job: Job;
  /** The job's artefact: the LoRA, or the folder that holds it. */
  readonly artefact: string;
  /** The job's folder, absolute. */
  readonly cwd: string;
  /** Where the trainer saves LoRAs on its way; null where that is not known. */
  readonly saves: CheckpointSpec | null;
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
  /** For tests: how waits are made. */
  readonly sleep?: NonNullable<HubFetch['sleep']>;
}

/**
 * Puts the finished LoRA, its samples and its card on the Hub, in one commit. Safe to repeat at any
 * point: what the Hub stores already is not sent again, and where all is there no commit is made.
 */
export async function publish(
  spec: PublishSpec,
  context: PublishContext,
): Promise<FollowUpOutcome> {
  const { signal } = context;
  try {
    return { is: 'done', ...(await published(spec, context)) };
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

async function published(
  spec: PublishSpec,
  context: PublishContext,
): Promise<{ places: string[]; note?: string }> {
  const { env, home, job, signal, sleep, warn } = context;
  const { tokens, warnings } = hubTokens(env, home);
  warnings.forEach(warn);
  const [given] = tokens;
  if (given === undefined) {
    const remedy = `Make one at https://huggingface.co/settings/tokens and ${GIVE}.`;
    throw new Cannot('publishing needs a Hub token, and there is none', remedy, true);
  }
  const how = sleep === undefined ? { signal } : { signal, sleep };
  const hub = { hubUrl: hubUrlOf(env), fetch: hubFetch(how) };
  try {
    const repo = await repoToWrite(hub, given, spec.repo, job.name);
    const remote = { ...hub, repo, accessToken: given.token.reveal() };
    const lora = await chosenLora(spec.lora ?? 'final', context);
    const files = await filesOf(spec, context, repo, lora);
    await ensureRepo(remote, spec.private);
    const places = await brought(remote, files, context);
    return lora.why === null ? { places } : { places, note: lora.why };
  } catch (error) {
    throw explained(error, hub, given.from);
  }
}

async function filesOf(
  spec: PublishSpec,
  { job, cwd, signal }: PublishContext,
  repo: string,
  lora: ChosenLora,
): Promise<Local[]> {
  const images = await samplesOf(lora.folder, cwd, spec.samples);
  const prompts = await promptsOf(lora.folder, images, spec.instance_prompt ?? job.name);
  const samples = images.map((path, i) => ({
    path: `sample/${basename(path)}`,
    prompt: prompts[i] ?? '',
  }));
  const load = (path: string, source: string) => localFile(path, source, signal);
  return [
    localText('README.md', cardOf({ ...spec, job, repo, samples, chosen: lora.why })),
    await load(lora.name, lora.path),
    ...(await Promise.all(images.map((source) => load(`sample/${basename(source)}`, source)))),
  ];
}

/** Sends what is missing, then asks the Hub for the names of all of it. */
async function brought(
  remote: Remote,
  files: readonly Local[],
  { job, signal, warn }: PublishContext,
): Promise<string[]> {
  const { hubUrl, repo } = remote;
  const places = [`${hubUrl}/${repo}`];
  let wanted = await missing(remote, files);
  if (wanted.some(({ path }) => path === 'README.md') && (await hasOwnCard(remote))) {
    warn(`the card of ${repo} was edited by hand and is left as it is`);
    wanted = wanted.filter(({ path }) => path !== 'README.md');
  }
  if (wanted.length === 0) return places;
  const made = await sent(remote, wanted, job.name, signal);
  const wrong = (await missing(remote, wanted)).map(({ path }) => path);
  if (wrong.length > 0) {
    throw new Cannot(`what the Hub has under ${wrong.join(', ')} is not what is here`, '', false);
  }
  return made === undefined ? places : [...places, made.commit.url];
}

/** Never longer than it can take: the client has no limits of its own. */
async function sent(remote: Remote, wanted: readonly Local[], name: string, signal: AbortSignal) {
  const bytes = wanted.reduce((sum, { size }) => sum + size, 0);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(longestCommit(bytes))]);
  const ended = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true });
  });
  const made = commit({
    ...remote,
    title: `${name}: ${wanted.map(({ path }) => path).join(', ')}`.slice(0, 200),
    operations: wanted.map(({ path, content }) => ({ operation: 'addOrUpdate', path, content })),
    abortSignal: limit,
    // Plain HTTP: stored by sha256, so a second try sees what the first has brought.
    useXet: false,
  });
  return await Promise.race([made, ended]);
}
