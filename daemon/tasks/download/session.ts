import type { Report } from './events.js';
import type { Token } from './token.js';
import type { Transport } from './transport.js';
import type { Gates } from './wait.js';

export interface DownloadSettings {
  /** Absolute: what targets count from. */
  readonly folder: string;
  readonly connections: number;
  /** 0 for no limit. */
  readonly bytes_per_second: number;
  readonly stall_seconds: number;
  readonly patience_seconds: number;
}

/** What all parts of one download share. */
export interface Session {
  readonly endpoint: string;
  readonly settings: DownloadSettings;
  readonly transport: Transport;
  readonly gates: Gates;
  readonly token: () => Token | null;
  readonly report: Report;
  readonly signal: AbortSignal;
  /** Repositories that a token is used for, since they said so or their owner did. */
  readonly closed: Set<string>;
  /** For messages: where a token file may be put. */
  readonly home: string;
}

export const HUB = 'https://huggingface.co';

/** The Hub or the mirror that the environment names, without a slash at its end. */
export function endpointOf(env: NodeJS.ProcessEnv): string {
  return (env['HF_ENDPOINT']?.trim() || HUB).replace(/\/+$/, '');
}
