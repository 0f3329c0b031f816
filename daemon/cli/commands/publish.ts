import type { Context } from '../context.js';
import { type FollowUpOptions, runFollowUp } from '../follow-up.js';
import type { AddCommand } from '../program.js';

export const addPublish: AddCommand = (program, action) => {
  program
    .command('publish')
    .description("put a finished job's LoRA, samples and card on the Hugging Face Hub")
    .argument('<JOB>', 'the job')
    .argument('[REPO]', 'owner/name; without, as its job file says, else your own name/JOB')
    .option('--public', 'for everyone to see; a new repository is private otherwise')
    .option(
      '--lora <WHICH>',
      "final, best (by the mean loss), or a saved file, relative to the job's folder",
    )
    .option('--detach', 'return at once; the daemon does it')
    .option('--json', 'as one JSON object')
    .action(action(publish));
};

interface Options extends FollowUpOptions {
  public?: true;
  lora?: string;
}

async function publish(
  context: Context,
  job: string,
  repo: string | undefined,
  options: Options,
): Promise<number> {
  const asked = {
    ...(repo === undefined ? {} : { repo }),
    ...(options.public ? { private: false } : {}),
    ...(options.lora === undefined ? {} : { lora: options.lora }),
  };
  return runFollowUp(context, job, 'publish', asked, options);
}
