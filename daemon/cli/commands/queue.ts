import type { Context } from '../context.js';
import { count } from '../format/index.js';
import { isActive } from '../jobs.js';
import type { AddCommand } from '../program.js';
import { readStatus } from '../read-status.js';

export const addQueue: AddCommand = (program, action) => {
  program
    .command('queue')
    .description('the jobs that wait, in their order')
    .option('--json', 'as one JSON object')
    .action(action(queue));
};

async function queue(context: Context, options: { json?: true }): Promise<number> {
  const status = await readStatus(context.home());
  const waiting = status.jobs.filter(({ state }) => state === 'queued');
  const { out } = context;
  if (options.json) {
    const jobs = waiting.map(({ name }, i) => ({ position: i + 1, name }));
    out.line(JSON.stringify({ daemon: status.daemon, jobs }));
    return 0;
  }
  const active = status.jobs.filter(isActive).map(({ name, state }) => `${name} (${state})`);
  if (active.length > 0) out.line(`Now: ${active.join(', ')}`);
  if (waiting.length === 0) {
    out.line('No job is waiting.');
    return 0;
  }
  out.line(`${count(waiting.length, 'job')} waiting:`);
  waiting.forEach(({ name }, i) => void out.line(`  ${i + 1}. ${name}`));
  if (status.daemon === null)
    out.line('No daemon is running: `nightwarden up` starts the next one.');
  return 0;
}
