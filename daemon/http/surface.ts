import type { Entry, Observation, State, Status } from '../core/index.js';
import type { DownloadDoor } from './downloads.js';
import type { Metrics } from './metrics/index.js';

/** What this room needs of the engine, and no more. */
export interface HttpEngine {
  readonly state: State;
  status(): Status;
  /** Resolves once the event is on disk; a refusal comes with words for the person who asked. */
  request(
    seen: Extract<Observation, { is: 'stop' | 'resume' }>,
  ): Promise<{ ok: true } | { ok: false; error: string }>;
  /** Each journal entry after it was folded; returns how to end it. */
  subscribe(listener: (entry: Entry, state: State) => void): () => void;
  /** When the last decision turn ended: milliseconds of `HttpOptions.loop`'s clock. */
  readonly lastTurn: number;
  /** `since` in Unix seconds; `pending` counts events that wait for the disk. */
  readonly journalHealth:
    | { readonly state: 'ok' }
    | {
        readonly state: 'degraded';
        readonly since: number;
        readonly code: string;
        readonly pending: number;
      };
}

export type QueueResult =
  | { readonly ok: true; readonly name: string }
  | {
      readonly ok: false;
      readonly status: 400 | 409;
      readonly error: string;
      readonly problems?: readonly unknown[];
    };

export interface HttpLogger {
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface HttpOptions {
  readonly engine: HttpEngine;
  /** Beyond loopback every route but /healthz asks for the token. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** `state/api-token`; made when absent. */
  readonly tokenFile: string;
  readonly version: string;
  /** Queues the job that `text` (YAML) describes; `source` is its path, for messages and for what is
   * relative to it. */
  readonly queueJob: (source: string, text: string) => Promise<QueueResult>;
  readonly downloads?: DownloadDoor;
  /** Asks for a follow-up of a job that exists; `asked` is the body of the request. */
  readonly followUp: (
    job: string,
    task: 'deliver' | 'publish',
    asked: Readonly<Record<string, unknown>>,
  ) => Promise<
    | { readonly ok: true }
    | { readonly ok: false; readonly status: 400 | 409; readonly error: string }
  >;
  /** Called after the answer to the request has gone out. */
  readonly shutdown: (reason: string) => void;
  /** Whether start-up is over, adoption of a living trainer included. */
  readonly ready: () => boolean;
  readonly logger: HttpLogger;
  /** Monotonic milliseconds, the clock of `engine.lastTurn`; performance.now unless given. */
  readonly loop?: () => number;
  /** Unix seconds; the system's clock unless given. */
  readonly wall?: () => number;
  /** Paths whose free space is measured, every 15 s. */
  readonly diskPaths?: readonly string[];
}

export interface HttpServer {
  readonly port: number;
  /** Where a program on this machine reaches it. */
  readonly url: string;
  readonly metrics: Metrics;
  /** Ends within 2 s; requests under way are given that long. */
  close(): Promise<void>;
}
