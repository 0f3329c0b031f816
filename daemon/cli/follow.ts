import type { JobStatus } from '../core/index.js';
import { findClient, NoAnswer } from './client.js';
import { CliError } from './errors.js';
import { exitCodeOf } from './exit-code.js';
import { facts } from './facts.js';
import { duration } from './format/index.js';
import { isOver, jobNamed } from './jobs.js';
import { liveLine } from './live-line.js';
import { news } from './news.js';
import { SpeedMeter } from './speed.js';
import type { Terminal } from './terminal.js';
import { pause } from './wait.js';

export interface FollowOptions {
  readonly out: Terminal;
  readonly signal: AbortSignal;
  /** Seconds between progress lines where there is no terminal. */
  readonly everySeconds?: number;
  /** How long a vanished daemon may stay away, seconds. */
  readonly patienceSeconds?: number;
  readonly pollMs?: number;
}

/**
 * Follows a job through the home's daemon until it ends and the first try of what follows it is over: a live line on a terminal, plain lines
 * elsewhere. Gives the job as it ended, or null when interrupted.
 *
 * The daemon may go and come back meanwhile (an upgrade, a kill): the training goes on without it,
 * and so do we, for a while.
 */
export async function follow(
  home: string,
  name: string,
  options: FollowOptions,
): Promise<JobStatus | null> {
  const { out, signal, everySeconds = 30, patienceSeconds = 120 } = options;
  const speed = new SpeedMeter();
  const prefix = `${name}: `;
  let last: JobStatus | null = null;
  let toldAt = performance.now();
  let aloneSince: number | null = null;
  for (;;) {
    const job = await look(home, name);
    if (job === null) {
      if (aloneSince === null)
        out.line(`${prefix}the daemon is gone; the training goes on. Waiting for it.`);
      aloneSince ??= performance.now();
      if (performance.now() - aloneSince > patienceSeconds * 1000) throw gone(patienceSeconds);
    } else {
      if (aloneSince !== null) out.line(`${prefix}the daemon is back`);
      aloneSince = null;
      for (const line of news(last, job)) out.line(prefix + line);
      const rate = speed.update(job);
      out.live(liveLine(job, rate, Date.now() / 1000, out.paint));
      const due = performance.now() - toldAt >= everySeconds * 1000;
      if (!out.isTerminal && due && job.step !== null && !isOver(job)) {
        out.line(prefix + facts(job, rate).join(', '));
        toldAt = performance.now();
      }
      last = job;
      if (exitCodeOf(job) !== null && !job.tasks.some(({ state }) => state === 'running')) {
        out.clear();
        return job;
      }
    }
    if (!(await pause(options.pollMs ?? (out.isTerminal ? 250 : 500), signal))) {
      out.clear();
      return null;
    }
  }
}

/** Null while there is no daemon to ask. */
async function look(home: string, name: string): Promise<JobStatus | null> {
  const client = findClient(home);
  if (client === null) return null;
  try {
    return jobNamed(await client.status(), name);
  } catch (error) {
    if (error instanceof NoAnswer) return null;
    throw error;
  }
}

function gone(seconds: number): CliError {
  return new CliError(
    `No daemon came back within ${duration(seconds)}. The training may go on without one: \`nightwarden up\` takes it up again.`,
  );
}
