import { join, relative, resolve } from 'node:path';
import { escapeGlob } from '../checkpoints/index.js';
import { ConfigFile } from './config-file.js';
import { AdapterError } from './errors.js';
import { refuseOwnKeys, textOption } from './own-keys.js';
import { simpleTunerLines } from './progress-lines.js';
import { programOf, pythonEnv } from './python.js';
import type { Adapter } from './types.js';

/** SimpleTuner: `simpletuner train`, by the options in its config.json. */
export const simpleTuner: Adapter = (job, context) => {
  refuseOwnKeys(job, ['heartbeat', 'remedies']);
  const path = resolve(job.cwd, textOption(job, 'config') ?? join('config', 'config.json'));
  const config = new ConfigFile(path, 'with.config');
  // Its keys are written with dashes in front, or without.
  const text = (name: string) => config.text(`--${name}`) ?? config.text(name);
  const number = (name: string) => config.number(`--${name}`) ?? config.number(name);
  const given = text('output_dir');
  if (given === null) {
    throw new AdapterError(
      'with.config',
      `--output_dir in ${path}, and it is not there`,
      'It tells where the training leaves its checkpoints.',
    );
  }
  const limit = number('checkpoints_total_limit');
  if (limit === 1) {
    throw new AdapterError(
      'with.config',
      `--checkpoints_total_limit of at least 2 in ${path}, got 1`,
      'With 1 a crash while a checkpoint is written may leave none.',
    );
  }
  const out = resolve(job.cwd, given);
  return {
    trainer: 'simpletuner',
    argv: [programOf(job.cwd, 'simpletuner'), 'train', ...environmentOf(job.cwd, path)],
    cwd: job.cwd,
    env: pythonEnv(job, context),
    heartbeat: job.heartbeat,
    log: simpleTunerLines,
    checkpoints: {
      glob: `${escapeGlob(out)}/checkpoint-*`,
      step: '(?:^|/)checkpoint-(\\d+)$',
      needs: ['training_state.json'],
    },
    // What is found broken is moved away first, so that the latest is the one that was chosen.
    resume: {
      args: text('resume_from_checkpoint') === 'latest' ? [] : ['--resume_from_checkpoint=latest'],
    },
    remedies: job.remedies,
    done: {
      step: null,
      artefact: join(out, 'pytorch_lora_weights.safetensors'),
      since: (context.now ?? Date.now)(),
    },
  };
};

/** It knows a configuration by the folder below `config/` that holds its config.json. */
function environmentOf(root: string, path: string): string[] {
  const name = /^config\/(.+)\/config\.json$/.exec(relative(root, path))?.[1];
  if (name !== undefined) return [`env=${name}`];
  if (relative(root, path) === 'config/config.json') return [];
  throw new AdapterError(
    'with.config',
    `config/config.json or config/NAME/config.json in ${root}, got ${path}`,
    'SimpleTuner finds its configuration there; cwd is its own folder.',
  );
}
