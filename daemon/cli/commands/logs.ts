import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { homePaths } from '../../../config/index.js';
import { attemptLog, loggedAttempts } from '../attempt-logs.js';
import type { Context } from '../context.js';
import { humanLogLine } from '../daemon-log.js';
import { CliError, usageError } from '../errors.js';
import { takeInterruptions } from '../interruption.js';
import { isOver, jobNamed, presentJob } from '../jobs.js';
import type { AddCommand } from '../program.js';
import { readStatus } from '../read-status.js';
import { type FollowLogs, followAttempts, followFile, type Show, showFile } from '../show-logs.js';

export const addLogs: AddCommand = (program, action) => {
  program
    .command('logs')
    .description("a trainer's output; without JOB, that of the active or the newest job")
    .argument('[JOB]', 'the job')
    .option('-f, --follow', 'show what follows, later attempts too, until the job ends')
    .option('--attempt <N>', 'that attempt instead of the newest', wholeNumber)
    .option('--raw', 'bytes as they are, every redrawing of a progress bar included')
    .option('-n, --lines <LINES>', 'lines at the end to begin with, or all', lineCount, 200)
    .option('--daemon', "the daemon's own log")
    .action(action(logs));
};

interface Options {
  follow?: true;
  attempt?: number;
  raw?: true;
  lines: number;
  daemon?: true;
}

async function logs(context: Context, name: string | undefined, options: Options): Promise<number> {
  const home = context.home();
  const { out, err } = context;
  const show: Show = { out, err, lines: options.lines, raw: options.raw === true };
  if (options.daemon) return daemonLog(home, show, options);
  const status = await readStatus(home);
  const job = name === undefined ? presentJob(status) : jobNamed(status, name);
  if (job === null) throw usageError('There is no job: none was ever queued here.');
  const attempt = options.attempt ?? loggedAttempts(home, job.name).at(-1);
  if (attempt === undefined && !options.follow) {
    throw new CliError(`${job.name} has no output yet: it is ${job.state}.`);
  }
  if (options.follow) {
    const over = async () => isOver(jobNamed(await readStatus(home), job.name));
    await interruptibly(over, (how) =>
      followAttempts(home, job.name, attempt ?? 1, { ...show, ...how }),
    );
    return 0;
  }
  if (await showFile(attemptLog(home, job.name, attempt!), show)) return 0;
  const known = loggedAttempts(home, job.name);
  const there = known.length === 0 ? 'It has none yet.' : `There are: ${known.join(', ')}.`;
  throw usageError(`${job.name} has no output of attempt ${attempt}. ${there}`);
}

async function daemonLog(home: string, show: Show, options: Options): Promise<number> {
  const path = join(homePaths(home).logs, 'nightwarden.jsonl');
  const map = (line: string) => (options.raw ? line : humanLogLine(line, show.out.paint));
  if (options.follow) {
    const never = async () => false;
    await interruptibly(never, (how) => followFile(path, { ...show, ...how }, never, map));
    return 0;
  }
  if (await showFile(path, show, map)) return 0;
  throw new CliError(`No daemon has written a log here yet (${path}).`);
}

type How = Pick<FollowLogs, 'signal' | 'over'>;

/** Following ends with Ctrl-C, and that is no failure. Whether the job is over is asked once a second. */
async function interruptibly(
  over: () => Promise<boolean>,
  work: (how: How) => Promise<void>,
): Promise<void> {
  const { signal, release } = takeInterruptions();
  let askedAt = Number.NEGATIVE_INFINITY;
  try {
    await work({
      signal,
      over: async () => {
        if (performance.now() - askedAt < 1000) return false;
        askedAt = performance.now();
        return over();
      },
    });
  } finally {
    release();
  }
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('Expected a whole number of at least 1.');
}

function lineCount(text: string): number {
  return text === 'all' ? Number.POSITIVE_INFINITY : wholeNumber(text);
}
