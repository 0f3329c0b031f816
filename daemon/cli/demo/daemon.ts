import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths } from '../../../config/index.js';
import { type Background, cliEntry, spawnDaemon, untilReady } from '../background.js';
import { type Client, findDaemon } from '../client.js';
import { CliError } from '../errors.js';
import { waitFor } from '../wait.js';

/** A real daemon of the demo: `nightwarden up` as a process of its own. */
export interface DemoDaemon {
  readonly pid: number;
  readonly client: Client;
  readonly process: Background;
}

export async function startDemoDaemon(home: string, env: NodeJS.ProcessEnv): Promise<DemoDaemon> {
  const process = spawnDaemon(home, env, cliEntry());
  const client = await untilReady(home, process);
  return { pid: client.daemon.pid, client, process };
}

/** SIGKILL, and the proof that it is gone. */
export async function killDaemon({ pid, process: { ended } }: DemoDaemon): Promise<void> {
  process.kill(pid, 'SIGKILL');
  if ((await waitFor(() => ended(), 10_000, { everyMs: 5 })) === null) {
    throw new CliError(`The daemon (pid ${pid}) did not die of SIGKILL within 10 s.`);
  }
}

/** The orderly end. */
export async function endDaemon(home: string, daemon: DemoDaemon): Promise<void> {
  await daemon.client.shutdown('the demo is over');
  if ((await waitFor(() => (findDaemon(home) === null ? true : null), 15_000)) === null) {
    throw new CliError(`The daemon (pid ${daemon.pid}) did not end within 15 s of being asked to.`);
  }
}

/** What a trainer says of itself, with a daemon or without. */
export interface Beat {
  readonly step: number;
  readonly loss: number | null;
}

/** The newest heartbeat of an attempt; null while there is none with a step. */
export function heartbeat(home: string, job: string, attempt: number): Beat | null {
  const folder = join(homePaths(home).state, 'jobs', job, 'attempts', String(attempt), 'heartbeat');
  try {
    const { step, loss } = JSON.parse(readFileSync(join(folder, 'rank-0.json'), 'utf8'));
    return typeof step === 'number' ? { step, loss: typeof loss === 'number' ? loss : null } : null;
  } catch {
    return null; // Only looked at to wait for more of it: not there counts as no step yet.
  }
}
