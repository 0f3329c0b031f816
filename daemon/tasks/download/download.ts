import { stat, statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { homePaths, loadModels, type Model } from '../../../config/index.js';
import { HubRefused } from './ask.js';
import { Budget } from './budget.js';
import { DownloadError, diskError, isDiskError } from './errors.js';
import type { FileFacts, Report } from './events.js';
import type { FileJob } from './file.js';
import { HubCache } from './hub-cache.js';
import { type Means, obtain } from './obtain.js';
import { partialFolder } from './partial.js';
import { planModel } from './plan.js';
import { Proofs } from './proved.js';
import { explainRefusal } from './refusal.js';
import { tooFull } from './reserve.js';
import { SavedFacts } from './saved-facts.js';
import { type DownloadSettings, endpointOf, type Session } from './session.js';
import { readToken } from './token.js';
import { openTransport } from './transport.js';
import { Gates } from './wait.js';

export interface DownloadOptions {
  readonly models: readonly Model[];
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  readonly settings: DownloadSettings;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Into the Hub's own cache in place of the targets. */
  readonly cache?: boolean;
  /** The Hub's file takes the place of another one, and a newer version that of an older. */
  readonly replace?: boolean;
}

export interface Failure {
  readonly model: string;
  readonly error: DownloadError;
}

/** Files under way at the same time; more would only thin out their connections. */
const FILES_AT_ONCE = 4;

/**
 * Has all files of the models where they belong, each proved; tells of everything by `report`. One
 * model that cannot be had does not keep the others from coming. Gives what failed, in order.
 * @throws the signal's reason; anything that is no DownloadError is a fault of ours
 */
export async function download(options: DownloadOptions): Promise<Failure[]> {
  const { env, home, settings, report, signal } = options;
  const transport = openTransport(env, settings.connections);
  let token: ReturnType<typeof readToken> | undefined;
  const session: Session = {
    endpoint: endpointOf(env),
    settings,
    transport,
    gates: new Gates(),
    token: () => {
      if (token === undefined) token = readToken(env, home);
      return token;
    },
    report,
    signal,
    closed: new Set(options.models.filter(({ gated }) => gated).map(({ repo }) => repo)),
    home,
  };
  const failures: Failure[] = [];
  const fail = (model: Model, error: unknown): void => {
    signal.throwIfAborted();
    if (failures.some((failure) => failure.model === model.name)) return;
    const told =
      error instanceof HubRefused
        ? explainRefusal(error, model, mirrorsOf(model, home), home)
        : isDiskError(error)
          ? diskError(error)
          : error;
    if (!(told instanceof DownloadError)) throw error;
    const { kind, message, remedy } = told;
    failures.push({ model: model.name, error: told });
    report({ type: 'failed', model: model.name, kind, reason: message, remedy });
  };
  try {
    const state = join(homePaths(home).state, 'models');
    const cache = new HubCache(env);
    const saved = new SavedFacts(join(state, 'facts'));
    const jobs: FileJob[] = [];
    await Promise.all(
      options.models.map(async (model) => {
        try {
          const into = options.cache ? cache : null;
          jobs.push(...(await planModel(session, model, saved, mirrorsOf(model, home), into)));
        } catch (error) {
          fail(model, error);
        }
      }),
    );
    const order = new Map(options.models.map(({ name }, i) => [name, i]));
    jobs.sort((a, b) => (order.get(a.model.name) ?? 0) - (order.get(b.model.name) ?? 0));
    const distinct = jobs.filter(
      ({ target }, i) => jobs.findIndex((j) => j.target === target) === i,
    );
    report({
      type: 'planned',
      files: distinct.map((job) => fileFacts(job, options.cache ?? false)),
    });
    const means: Means = {
      budget: new Budget(settings.connections, settings.bytes_per_second),
      proofs: new Proofs(join(state, 'proved')),
      cache,
      replace: options.replace ?? false,
      elsewhere: (job) => (options.cache ? targetsOf(job, settings.folder) : []),
    };
    await refuseIfFull(distinct, means, fail);
    const queue = distinct.filter(({ model }) => !failures.some((f) => f.model === model.name));
    const worker = async (): Promise<void> => {
      for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
        try {
          await one(session, job, means, options.cache ?? false);
        } catch (error) {
          fail(job.model, error);
        }
      }
    };
    await Promise.all(Array.from({ length: FILES_AT_ONCE }, worker));
    return failures;
  } finally {
    transport.close();
  }
}

async function one(session: Session, job: FileJob, means: Means, cache: boolean): Promise<void> {
  const how = await obtain(session, job, means);
  const { model, file, commit } = job;
  const path = cache
    ? await means.cache.register(model.repo, model.revision, commit, file)
    : job.target;
  const digest = file.fingerprint.hex;
  const { size: bytes } = file;
  session.report({ type: 'done', file: job.id, model: model.name, path, bytes, how, digest });
}

function fileFacts({ id, model, file, target }: FileJob, cache: boolean): FileFacts {
  return { file: id, model: model.name, to: cache ? file.path : target, size: file.size };
}

/** Where models.yaml puts a file: with --cache it may lie there already. */
function targetsOf({ model: { what }, file }: FileJob, folder: string): string[] {
  if (what.is === 'snapshot') return [resolve(folder, what.folder + file.path)];
  return what.files.filter(({ path }) => path === file.path).map(({ to }) => resolve(folder, to));
}

/** Public models with the same base, for whom this one is closed to. */
function mirrorsOf(model: Model, home: string): string[] {
  const all = loadModels(home);
  return all
    .chosen(all.names)
    .filter(({ gated, base, repo }) => !gated && base === model.repo && repo !== model.repo)
    .map(({ name, repo }) => `${name} (${repo})`);
}

/** Refuses, before the first byte, what will not fit together on a volume. */
async function refuseIfFull(
  jobs: readonly FileJob[],
  { cache }: Means,
  fail: (model: Model, error: unknown) => void,
): Promise<void> {
  const left = new Map<number, number>();
  for (const job of jobs) {
    const there = await stat(job.target).catch(() => null);
    if (there !== null) continue;
    const folder = await existing(dirname(job.target));
    const { dev } = await stat(folder);
    const cached = await cache.find(job.model.repo, job.commit, job.file);
    if (cached !== null && (await stat(cached)).dev === dev) continue; // linked, not copied
    const { bavail, bsize } = await statfs(folder);
    const free = left.get(dev) ?? bavail * bsize;
    const needed = job.file.size - (await reserved(job));
    if (needed > free) fail(job.model, tooFull(job.target, needed, free));
    else left.set(dev, free - needed);
  }
}

async function reserved(job: FileJob): Promise<number> {
  const data = join(partialFolder(job.target, job.file.fingerprint), 'data');
  const found = await stat(data).catch(() => null);
  return found === null ? 0 : Math.min(job.file.size, 512 * found.blocks);
}

async function existing(folder: string): Promise<string> {
  const found = await stat(folder).catch(() => null);
  return found !== null || folder === dirname(folder) ? folder : existing(dirname(folder));
}
