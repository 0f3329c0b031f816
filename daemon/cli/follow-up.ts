import type { FollowUp, TaskStatus } from '../core/index.js';
import { ensureDaemon } from './background.js';
import { NoAnswer } from './client.js';
import type { Context } from './context.js';
import { CliError, EXIT, usageError } from './errors.js';
import { takeInterruptions } from './interruption.js';
import { jobNamed } from './jobs.js';
import { taskLine } from './news.js';
import { readStatus } from './read-status.js';
import { pause } from './wait.js';

export interface FollowUpOptions {
  detach?: true;
  json?: true;
}

const POLL_MS = 150;

/**
 * Asks the home's daemon for a follow-up of a finished job and follows its first try; Ctrl-C leaves it
 * to the daemon, and so does a failure that another try may mend. Exit code 0 when it is done, else 1.
 */
export async function runFollowUp(
  context: Context,
  name: string,
  task: FollowUp,
  asked: object,
  options: FollowUpOptions,
): Promise<number> {
  const home = context.home();
  const before = jobNamed(await readStatus(home), name);
  if (before.state !== 'finished') {
    throw usageError(
      `${name} is not finished: it is ${before.state}. Only a finished training has a LoRA to ${task}.`,
    );
  }
  const client = await ensureDaemon(home, context.env, () => {
    context.err.line('No daemon is running; starting one in the background.');
  });
  const running = before.tasks.some((one) => one.task === task && one.state === 'running');
  // One that is under way is followed; the daemon refuses another that would be done otherwise.
  if (!running || Object.keys(asked).length > 0) await client.followUp(name, task, asked);
  if (options.detach) {
    if (options.json) context.out.line(JSON.stringify({ name, task }));
    else context.out.line(`${task} of ${name} is under way. \`nightwarden status\` tells of it.`);
    return EXIT.done;
  }
  const { signal, release } = takeInterruptions();
  try {
    const last = await untilOver(context, home, name, task, signal, options.json === true);
    if (last === null) {
      context.err.line(`The daemon goes on with it; \`nightwarden status ${name}\` tells of it.`);
      return EXIT.done;
    }
    if (options.json) context.out.line(JSON.stringify({ name, ...last }));
    if (last.state === 'waiting')
      context.err.line(`The daemon goes on trying; \`nightwarden status ${name}\` tells of it.`);
    return last.state === 'done' ? EXIT.done : EXIT.failed;
  } finally {
    release();
  }
}

/** Null when interrupted. A daemon that is away for a moment is waited for as `status` reads the
 * journal then. */
async function untilOver(
  context: Context,
  home: string,
  name: string,
  task: FollowUp,
  signal: AbortSignal,
  quiet: boolean,
): Promise<TaskStatus | null> {
  let told = '';
  for (;;) {
    const status = await readStatus(home).catch((error: unknown) => {
      if (error instanceof NoAnswer) return null; // It is just ending; the journal tells next time.
      throw error;
    });
    if (status === null) {
      if (await pause(POLL_MS, signal)) continue;
      return null;
    }
    const found = jobNamed(status, name).tasks.find((one) => one.task === task);
    if (found === undefined)
      throw new CliError(`${name} was queued again meanwhile: its ${task} is off.`);
    const line = taskLine(found, Date.now() / 1000);
    const key = `${found.state} ${found.tries}`;
    if (!quiet && key !== told && line !== null) context.out.line(`${name}: ${line}`);
    told = key;
    if (found.state !== 'running') return found;
    if (!(await pause(POLL_MS, signal))) return null;
  }
}
