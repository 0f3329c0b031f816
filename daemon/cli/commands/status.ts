import type { Context } from '../context.js';
import { usageError } from '../errors.js';
import { exitCodeOf } from '../exit-code.js';
import { follow } from '../follow.js';
import { takeInterruptions } from '../interruption.js';
import { jobNamed, presentJob } from '../jobs.js';
import type { AddCommand } from '../program.js';
import { readStatus } from '../read-status.js';
import { statusLines } from '../status-table.js';

export const addStatus: AddCommand = (program, action) => {
  program
    .command('status')
    .description('how every job is getting on; works without a daemon too')
    .argument('[JOB]', 'this job alone')
    .option('-f, --follow', 'follow a job until it ends, as `run` does')
    .option('--json', 'as one JSON object')
    .action(action(status));
};

interface Options {
  follow?: true;
  json?: true;
}

async function status(context: Context, name: string | undefined, options: Options) {
  if (options.follow && options.json) throw usageError('--follow and --json do not go together.');
  const home = context.home();
  const whole = await readStatus(home);
  const shown = name === undefined ? whole : { ...whole, jobs: [jobNamed(whole, name)] };
  if (options.json) {
    context.out.line(JSON.stringify(shown));
    return 0;
  }
  if (options.follow) return followOne(context, home, (name ?? presentJob(whole)?.name) || null);
  const columns = context.out.isTerminal ? context.out.columns : Number.POSITIVE_INFINITY;
  const now = Date.now() / 1000;
  for (const line of statusLines(shown, { now, paint: context.out.paint, columns })) {
    context.out.line(line);
  }
  return 0;
}

async function followOne(context: Context, home: string, name: string | null): Promise<number> {
  if (name === null) throw usageError('There is no job to follow: none was ever queued here.');
  const { signal, release } = takeInterruptions();
  try {
    const job = await follow(home, name, { out: context.out, signal });
    return job === null ? 0 : (exitCodeOf(job) ?? 0);
  } finally {
    release();
  }
}
