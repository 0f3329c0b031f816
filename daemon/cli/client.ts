import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths } from '../../config/index.js';
import { isAlive } from '../../trainer/process/index.js';
import type { FollowUp, Status } from '../core/index.js';
import type { Progress } from '../tasks/download/index.js';
import { CliError, codeOf } from './errors.js';

/** What a running daemon says about itself in state/daemon.json. */
export interface DaemonFile {
  readonly pid: number;
  /** Field 22 of /proc/<pid>/stat. */
  readonly start_ticks: number;
  readonly boot_id: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly version: string;
  /** Unix seconds. */
  readonly started: number;
}

/** The daemon of a home; null when none is alive. A file that a killed daemon left behind is told
 * from a living one by pid, start time and boot. */
export function findDaemon(home: string): DaemonFile | null {
  const file = readDaemonFile(join(homePaths(home).state, 'daemon.json'));
  return file !== null && isAlive(file) ? file : null;
}

function readDaemonFile(path: string): DaemonFile | null {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    // Written whole or not at all: what does not parse was not written by a daemon that lives.
    if (codeOf(error) === 'ENOENT' || error instanceof SyntaxError) return null;
    throw error;
  }
  const { pid, start_ticks, boot_id, url } = (value ?? {}) as Partial<DaemonFile>;
  const whole =
    Number.isSafeInteger(pid) &&
    Number.isSafeInteger(start_ticks) &&
    typeof boot_id === 'string' &&
    typeof url === 'string';
  return whole ? (value as DaemonFile) : null;
}

/** The daemon did not answer: gone, not listening yet, or stuck. */
export class NoAnswer extends CliError {}

/** The daemon's own refusal, in its words. */
export class Refused extends CliError {
  constructor(
    message: string,
    readonly status: number,
  ) {
    super(message, status === 400 ? 2 : 1);
  }
}

export interface Client {
  readonly daemon: DaemonFile;
  /** True once the daemon has its state and takes requests. */
  ready(): Promise<boolean>;
  status(): Promise<Status>;
  /** Queues a job; returns its name. `source` is the file's path. */
  queue(source: string, text: string): Promise<string>;
  stop(job: string): Promise<void>;
  resume(job: string): Promise<void>;
  /** Has the daemon fetch models; returns the download's id. */
  download(asked: { models: readonly string[]; cache: boolean; replace: boolean }): Promise<string>;
  /** Null for one that the daemon has forgotten. */
  downloadNamed(id: string): Promise<DownloadView | null>;
  /** Asks for a follow-up of a finished job. */
  followUp(job: string, task: FollowUp, asked: object): Promise<void>;
  shutdown(reason: string): Promise<void>;
}

/** A download without a job, as the daemon tells it. */
export interface DownloadView {
  readonly id: string;
  readonly state: 'running' | 'finished' | 'failed' | 'stopped';
  readonly reason: string | null;
  readonly remedy: string | null;
  readonly progress: Progress | null;
  readonly now: number | null;
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly text: string;
}

const TIMEOUT_MS = 10_000;

/** Throws {@link NoAnswer} and {@link Refused} from every call. */
export function connect(home: string, daemon: DaemonFile, timeoutMs = TIMEOUT_MS): Client {
  const call = async (method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> => {
    const headers: Record<string, string> = { ...authorization(home, daemon) };
    if (body !== undefined) headers['content-type'] = 'application/json';
    const init: RequestInit = { method, headers, signal: AbortSignal.timeout(timeoutMs) };
    if (body !== undefined) init.body = JSON.stringify(body);
    try {
      const response = await fetch(new URL(path, daemon.url), init);
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch (error) {
      throw new NoAnswer(
        `The daemon (pid ${daemon.pid}) does not answer at ${daemon.url}: ${whyNot(error)}.`,
      );
    }
  };
  const ask = async <T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> => {
    const { ok, status, text } = await call(method, path, body);
    const value = parse(text);
    if (ok && value !== null) return value as T;
    throw new Refused(refusal(status, value, daemon), status);
  };
  const job = (name: string) => `api/jobs/${encodeURIComponent(name)}`;
  return {
    daemon,
    ready: async () => (await call('GET', 'readyz')).ok,
    status: () => ask<Status>('GET', 'api/status'),
    queue: async (source, text) =>
      (await ask<{ name: string }>('POST', 'api/jobs', { source, text })).name,
    stop: async (name) => void (await ask('POST', `${job(name)}/stop`)),
    resume: async (name) => void (await ask('POST', `${job(name)}/resume`)),
    download: async (asked) => (await ask<{ id: string }>('POST', 'api/downloads', asked)).id,
    downloadNamed: async (id) => {
      const { downloads } = await ask<{ downloads: DownloadView[] }>('GET', 'api/downloads');
      return downloads.find((one) => one.id === id) ?? null;
    },
    followUp: async (name, task, asked) => void (await ask('POST', `${job(name)}/${task}`, asked)),
    shutdown: async (reason) => void (await ask('POST', 'api/shutdown', { reason })),
  };
}

/** The client of the home's daemon; null when none is alive. */
export function findClient(home: string): Client | null {
  const daemon = findDaemon(home);
  return daemon === null ? null : connect(home, daemon);
}

function authorization(home: string, daemon: DaemonFile): Record<string, string> {
  if (isLoopback(daemon.host)) return {};
  const path = join(homePaths(home).state, 'api-token');
  try {
    return { authorization: `Bearer ${readFileSync(path, 'utf8').trim()}` };
  } catch (error) {
    throw new CliError(
      `The daemon listens on ${daemon.host} and wants its token, but ${path} cannot be read (${codeOf(error) ?? error}).`,
    );
  }
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\./.test(host);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Not from our API (a proxy's page, say); the status alone is told.
  }
}

function refusal(status: number, value: unknown, daemon: DaemonFile): string {
  const { error, problems } = (value ?? {}) as { error?: unknown; problems?: unknown };
  if (typeof error === 'string') return [error, ...linesOf(problems, error)].join('\n');
  return `The daemon at ${daemon.url} answered ${status}.`;
}

/** Problems of a job file, where `error` does not say them already. */
function linesOf(problems: unknown, error: string): string[] {
  if (!Array.isArray(problems)) return [];
  return problems
    .map((problem) => (typeof problem === 'string' ? problem : problem?.message))
    .filter((text) => typeof text === 'string' && !error.includes(text));
}

/** fetch hides what happened in `cause`. */
function whyNot(error: unknown): string {
  const { name, message, cause } = error as Error & { cause?: unknown };
  if (name === 'TimeoutError') return 'no answer in time';
  const below = (cause as Error | undefined)?.message;
  return codeOf(cause) ?? below ?? message;
}
