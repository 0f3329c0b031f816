import { ensureDaemon } from '../background.js';
import type { Context } from '../context.js';
import { jobNamed } from '../jobs.js';
import type { AddCommand } from '../program.js';
import { readStatus } from '../read-status.js';

export const addResume: AddCommand = (program, action) => {
  program
    .command('resume')
    .description('go on with a job that stopped, failed or holds, from its last good checkpoint')
    .argument('<JOB>', 'the job')
    .option('--json', 'as one JSON object')
    .action(action(resume));
};

async function resume(context: Context, name: string, options: { json?: true }): Promise<number> {
  const home = context.home();
  jobNamed(await readStatus(home), name);
  const client = await ensureDaemon(home, context.env, () => {
    context.err.line('No daemon is running; starting one in the background.');
  });
  await client.resume(name);
  if (options.json) context.out.line(JSON.stringify({ name }));
  else context.out.line(`${name} is queued again. \`nightwarden status -f ${name}\` follows it.`);
  return 0;
}
