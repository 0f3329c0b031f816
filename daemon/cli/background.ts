import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { homePaths, loadConfig } from '../../config/index.js';
import { type Client, findClient } from './client.js';
import { CliError, explain } from './errors.js';
import { waitFor } from './wait.js';

const READY_WITHIN_MS = 30_000;

/** The program of this command, to start it again as a process of its own. */
export const cliEntry = (): string => fileURLToPath(new URL('./main.js', import.meta.url));

/**
 * The home's daemon, started in the background where none is alive; settles once it is ready.
 * `onStart` is told when one has to be started. Throws a ConfigError before anything is started,
 * and a CliError with the daemon's last words when it does not come up.
 */
export async function ensureDaemon(
  home: string,
  env: NodeJS.ProcessEnv,
  onStart: () => void = () => {},
): Promise<Client> {
  const there = findClient(home);
  if (there !== null) return untilReady(home, null);
  loadConfig({ home, env });
  onStart();
  return untilReady(home, spawnDaemon(home, env));
}

export interface Background {
  readonly child: ChildProcess;
  /** Its output, and how much of the file was there before. */
  readonly log: string;
  readonly from: number;
  /** How it ended; null while it runs. */
  ended(): string | null;
}

/** Starts `up` in a session of its own, its output in logs/daemon.out. */
export function spawnDaemon(home: string, env: NodeJS.ProcessEnv, entry = cliEntry()): Background {
  const { logs } = homePaths(home);
  mkdirSync(logs, { recursive: true });
  const log = join(logs, 'daemon.out');
  const out = openSync(log, 'a');
  try {
    const from = fstatSync(out).size;
    const child = spawn(process.execPath, [entry, 'up', '--home', home], {
      cwd: home,
      env,
      stdio: ['ignore', out, out],
      detached: true,
    });
    child.unref();
    let end: string | null = null;
    child.once('error', (error) => {
      end = error.message;
    });
    child.once('exit', (code, signal) => {
      end ??= signal ?? `exit code ${code}`;
    });
    return { child, log, from, ended: () => end };
  } finally {
    closeSync(out);
  }
}

/** Waits, within limits, until the home's daemon takes requests. */
export async function untilReady(home: string, started: Background | null): Promise<Client> {
  let why = 'it wrote no state/daemon.json';
  const client = await waitFor(async () => {
    const found = findClient(home);
    // Ours may have ended because another one was started at the same moment: that one will do.
    if (found === null) return started?.ended() == null ? null : 'ended';
    try {
      if (await found.ready()) return found;
      why = 'it is not ready';
    } catch (error) {
      why = explain(error).message;
    }
    return null;
  }, READY_WITHIN_MS);
  if (client !== null && client !== 'ended') return client;
  if (started === null || client === null) {
    throw new CliError(`The daemon did not become ready within 30 s: ${why}`);
  }
  throw new CliError(
    `The daemon did not start (${started.ended()}).\n${lastWords(started)}`.trimEnd(),
  );
}

/** What a process of ours wrote before it ended, at most its last ten lines. */
export function lastWords({ log, from }: Background): string {
  const text = readFileSync(log).subarray(from).toString('utf8');
  return text.trimEnd().split('\n').slice(-10).join('\n');
}
