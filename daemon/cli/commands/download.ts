import type { Model } from '../../../config/index.js';
import type { Progress } from '../../tasks/download/index.js';
import { findClient } from '../client.js';
import type { Context } from '../context.js';
import { EXIT, usageError } from '../errors.js';
import { takeInterruptions } from '../interruption.js';
import type { AddCommand } from '../program.js';

export const addDownload: AddCommand = (program, action) => {
  program
    .command('download')
    .description(
      'fetch models of models.yaml, with all they need; goes on where it was interrupted',
    )
    .argument('[MODEL...]', 'names of models.yaml')
    .option('--cache', "into the Hub's own cache, where Python finds them offline")
    .option('--replace', 'put the right file in the place of another one, or of an older version')
    .option('--json', 'the outcome as one JSON object')
    .action(action(download));
};

export interface DownloadFlags {
  cache?: true;
  replace?: true;
  json?: true;
}

async function download(
  context: Context,
  names: readonly string[],
  flags: DownloadFlags,
): Promise<number> {
  const { loadConfig, loadModels } = await import('../../../config/index.js');
  const home = context.ownHome();
  const config = loadConfig({ home, env: context.env });
  const known = loadModels(home);
  if (names.length === 0) {
    throw usageError(
      `Say which models: nightwarden download MODEL…\nKnown: ${known.names.join(', ')}.`,
    );
  }
  const models: Model[] = known.chosen(names);
  const { signal, release } = takeInterruptions();
  try {
    const client = findClient(home);
    const common = { context, home, flags, signal };
    const progress =
      client === null
        ? await (await import('../download/here.js')).runHere({ ...common, config, models })
        : await (await import('../download/there.js')).runThere(client, {
            ...common,
            models: names,
          });
    if (progress === null && client !== null) {
      context.err.line('The daemon goes on with it.');
      return EXIT.done;
    }
    if (progress === null) {
      context.err.line('Interrupted. What is there is kept: the same command goes on with it.');
      return EXIT.failed;
    }
    if (flags.json) context.out.line(JSON.stringify(outcome(progress)));
    for (const { reason, remedy } of progress.failures) {
      context.err.line(`nightwarden: ${reason}\n${remedy}`);
    }
    return progress.failures.length === 0 ? EXIT.done : EXIT.failed;
  } finally {
    release();
  }
}

function outcome({ files, failures, fetched }: Progress) {
  return {
    files: files.map(({ file, model, size, state, how, path, digest }) => ({
      file,
      model,
      bytes: size,
      state,
      how,
      path,
      digest,
    })),
    fetched_bytes: fetched,
    failures,
  };
}
