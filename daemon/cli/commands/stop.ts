import { ensureDaemon } from '../background.js';
import { type Client, findClient, findDaemon } from '../client.js';
import type { Context } from '../context.js';
import { CliError } from '../errors.js';
import { isActive, isOver, jobNamed } from '../jobs.js';
import type { AddCommand } from '../program.js';
import { readStatus } from '../read-status.js';
import { waitFor } from '../wait.js';

export const addStop: AddCommand = (program, action) => {
  program
    .command('stop')
    .description('end a job and its trainer; `resume` goes on from the last checkpoint')
    .argument('[JOB]', 'the job; without one, every active job')
    .option('--daemon', 'end the daemon too')
    .option('--json', 'as one JSON object')
    .action(action(stop));
};

interface Options {
  daemon?: true;
  json?: true;
}

/** A trainer deaf to SIGTERM gets SIGKILL, and a dying one may hold the GPU for a while. */
const STOPPED_WITHIN_MS = 120_000;
const DAEMON_GONE_WITHIN_MS = 20_000;

async function stop(context: Context, name: string | undefined, options: Options): Promise<number> {
  const home = context.home();
  const status = await readStatus(home);
  const jobs = name === undefined ? status.jobs.filter(isActive) : [jobNamed(status, name)];
  const say = (text: string) => {
    if (!options.json) context.out.line(text);
  };
  const hadDaemon = findDaemon(home) !== null;
  if (jobs.length === 0 && !(options.daemon && hadDaemon)) {
    say(options.daemon ? 'No daemon is running, and no job.' : 'No job is running.');
  }
  if (jobs.length > 0) {
    // Only a daemon knows how to end a trainer and all it started.
    const client = await ensureDaemon(home, context.env, () => {
      context.err.line('No daemon is running; starting one to end the trainer.');
    });
    for (const job of jobs) await client.stop(job.name);
    for (const job of jobs) {
      await untilOver(client, job.name);
      say(
        `${job.name} is stopped. \`nightwarden resume ${job.name}\` goes on from its last checkpoint.`,
      );
    }
  }
  const ended = await endDaemon(home, options.daemon === true, hadDaemon, say);
  if (options.json) {
    context.out.line(JSON.stringify({ stopped: jobs.map((job) => job.name), daemon_ended: ended }));
  }
  return 0;
}

async function untilOver(client: Client, name: string): Promise<void> {
  const over = await waitFor(
    async () => {
      const job = jobNamed(await client.status(), name);
      // A trainer that cannot be killed leaves its job on hold.
      return isOver(job) || job.state === 'holding' ? job : null;
    },
    STOPPED_WITHIN_MS,
    { everyMs: 100 },
  );
  if (over === null) throw new CliError(`${name} did not end within two minutes.`);
  if (over.state === 'holding') throw new CliError(`${name} could not be ended: ${over.reason}`);
}

/** A daemon that was started for the stop alone ends with it, unless another job has its turn now. */
async function endDaemon(
  home: string,
  wanted: boolean,
  hadDaemon: boolean,
  say: (text: string) => void,
): Promise<boolean> {
  const client = findClient(home);
  if (client === null) return false;
  if (!wanted) {
    if (hadDaemon) return false;
    const next = (await client.status()).jobs.find((job) => !isOver(job));
    if (next !== undefined) {
      say(`${next.name} has its turn now; the daemon (pid ${client.daemon.pid}) stays for it.`);
      return false;
    }
  }
  await client.shutdown(wanted ? 'asked to by `nightwarden stop --daemon`' : 'nothing left to do');
  const gone = await waitFor(
    () => (findDaemon(home)?.pid === client.daemon.pid ? null : true),
    DAEMON_GONE_WITHIN_MS,
  );
  if (gone === null) {
    throw new CliError(`The daemon (pid ${client.daemon.pid}) was asked to end but has not.`);
  }
  say('The daemon has ended.');
  return true;
}
