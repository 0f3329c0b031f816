import { resolve } from 'node:path';
import type { Context } from '../context.js';
import { type FollowUpOptions, runFollowUp } from '../follow-up.js';
import type { AddCommand } from '../program.js';

export const addDeliver: AddCommand = (program, action) => {
  program
    .command('deliver')
    .description("put a finished job's LoRA where ComfyUI, A1111 or Forge look for it")
    .argument('<JOB>', 'the job')
    .argument(
      '[FOLDER...]',
      "the folders, or 'auto' for those of the tools found here; without, as its job file says",
    )
    .option('--link', 'by a hard link where both are on one volume, else a copy')
    .option('--detach', 'return at once; the daemon does it')
    .option('--json', 'as one JSON object')
    .action(action(deliver));
};

interface Options extends FollowUpOptions {
  link?: true;
}

async function deliver(
  context: Context,
  job: string,
  folders: string[],
  options: Options,
): Promise<number> {
  const to = folders.map((folder) => (folder === 'auto' ? folder : resolve(context.cwd, folder)));
  const asked = {
    ...(to.length > 0 ? { to } : {}),
    ...(options.link ? { by: 'link' } : {}),
  };
  return runFollowUp(context, job, 'deliver', asked, options);
}
