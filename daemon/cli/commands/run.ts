import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { InvalidArgumentError } from 'commander';
import { homePaths, jobFault, parseJob } from '../../../config/index.js';
import type { JobStatus } from '../../core/index.js';
import { attemptLog } from '../attempt-logs.js';
import { ensureDaemon } from '../background.js';
import { type CommandOptions, commandJob } from '../command-job.js';
import type { Context } from '../context.js';
import { usageError } from '../errors.js';
import { exitCodeOf } from '../exit-code.js';
import { follow } from '../follow.js';
import { takeInterruptions } from '../interruption.js';
import { type ReadJob, readJobFile } from '../job-file.js';
import type { AddCommand } from '../program.js';
import { showFile } from '../show-logs.js';

export const addRun: AddCommand = (program, action) => {
  program
    .command('run')
    .description('queue a job and follow it until it ends; Ctrl-C leaves it running')
    .usage('[options] JOB.yaml\n       nightwarden run [options] -- CMD…')
    .argument('[JOB.yaml]', 'a job file, or the bare name of one in config/jobs')
    .option('--detach', 'return once it is queued')
    .option('--json', 'with --detach: the name as a JSON object')
    .option('--name <NAME>', 'for CMD: the name of the job (one is made up)')
    .option('--log-step <REGEX>', "for CMD: finds the step in its output, 'step (\\d+)/(\\d+)'")
    .option('--total <STEPS>', 'for CMD: the step at which it is done', wholeNumber)
    .option('--checkpoints <GLOB>', "for CMD: its checkpoints, 'ckpt/step-*'")
    .option('--checkpoint-step <REGEX>', 'for CMD: finds the step in their paths (last number)')
    .option('--resume-args <ARGS>', "for CMD: added on resume, '--resume {checkpoint}'")
    .option('--artefact <PATH>', 'for CMD: the file it must leave to count as done')
    .action(action(run));
};

interface Options extends CommandOptions {
  detach?: true;
  json?: true;
}

async function run(context: Context, file: string | undefined, options: Options): Promise<number> {
  if (options.json && !options.detach) throw usageError('--json needs --detach.');
  const home = context.ownHome();
  const job = jobOf(context, home, file, options);
  await refuseWhatNoTrainerTakes(job, home);
  const client = await ensureDaemon(home, context.env, () => {
    context.err.line('No daemon is running; starting one in the background.');
  });
  const name = await client.queue(job.source, job.text);
  if (options.detach) {
    if (options.json) context.out.line(JSON.stringify({ name }));
    else context.out.line(`${name} is queued. \`nightwarden status -f ${name}\` follows it.`);
    return 0;
  }
  return followToItsEnd(context, home, name);
}

async function followToItsEnd(context: Context, home: string, name: string): Promise<number> {
  const { signal, release } = takeInterruptions();
  try {
    const job = await follow(home, name, { out: context.out, signal });
    if (job === null) {
      context.out.line(
        `${name} goes on without this terminal. \`nightwarden status -f ${name}\` comes back to it, \`nightwarden stop ${name}\` ends it.`,
      );
      return 0;
    }
    if (job.artefact !== null) context.out.line(`${name}: ${job.artefact}`);
    if (job.state === 'failed') await showLastWords(context, home, job);
    return exitCodeOf(job) ?? 0;
  } finally {
    release();
  }
}

const LAST_WORDS = 10;

/** What a trainer said last is what its owner looks for first. */
async function showLastWords({ out, err }: Context, home: string, job: JobStatus): Promise<void> {
  out.line(`${job.name}: the end of its output (\`nightwarden logs ${job.name}\` shows it):`);
  const path = attemptLog(home, job.name, job.attempt);
  const quiet = { ...err, line: () => {} };
  if (!(await showFile(path, { out, err: quiet, lines: LAST_WORDS, raw: false }))) {
    out.line('(none)');
  }
}

/** Reads and checks the job here, where its mistakes can be told before anything is started. */
function jobOf(
  context: Context,
  home: string,
  file: string | undefined,
  options: Options,
): ReadJob {
  const { rest, env, cwd } = context;
  if (rest !== null) {
    if (file !== undefined) throw usageError('Give a job file or a command behind --, not both.');
    if (rest.length === 0) throw usageError('There is no command behind --.');
    const nonce = randomBytes(2).toString('hex');
    const text = commandJob(rest, options, { cwd, env, now: new Date(), nonce });
    const source = join(cwd, 'command-line.yaml');
    return { parsed: parseJob(text, source, env), source, text };
  }
  if (file === undefined) {
    throw usageError(
      'Give a job file (`nightwarden run JOB.yaml`) or a command (`nightwarden run -- CMD…`).',
    );
  }
  const extra = COMMAND_OPTIONS.find((name) => options[name] !== undefined);
  if (extra !== undefined) {
    const flag = `--${extra.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    throw usageError(`${flag} is for a command behind --; a job file says it itself.`);
  }
  return readJobFile(file, home, context);
}

const COMMAND_OPTIONS = [
  'name',
  'logStep',
  'total',
  'checkpoints',
  'checkpointStep',
  'resumeArgs',
  'artefact',
] as const;

/** The adapter's own objections. Loaded here alone: no other command needs the trainers. */
async function refuseWhatNoTrainerTakes({ parsed, text }: ReadJob, home: string): Promise<void> {
  const { AdapterError, planJob } = await import('../../../trainer/adapters/index.js');
  try {
    planJob(parsed, { home, outputs: homePaths(home).outputs });
  } catch (error) {
    if (!(error instanceof AdapterError)) throw error;
    throw jobFault(text, parsed.source, error.key, error.message.slice(error.key.length + 2));
  }
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 1) return number;
  throw new InvalidArgumentError('Expected a whole number of at least 1.');
}
