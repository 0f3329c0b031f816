import { join, resolve } from 'node:path';
import { escapeGlob } from '../checkpoints/index.js';
import { ConfigFile } from './config-file.js';
import { AdapterError } from './errors.js';
import { refuseOwnKeys, textOption } from './own-keys.js';
import { aiToolkitLines, literally } from './progress-lines.js';
import { programOf, pythonEnv } from './python.js';
import type { Adapter } from './types.js';

/**
 * Its resume takes what changed last (ctime) of all that begins with the job's name. What was found
 * whole is made that: a change of mode to what it is already touches nothing but that time.
 */
const NEWEST = ['/bin/sh', '-c', 'chmod u+r -- "$0" && exec "$@"', '{checkpoint}'];

/** ostris' ai-toolkit: `python run.py CONFIG`; it resumes by itself. */
export const aiToolkit: Adapter = (job, context) => {
  refuseOwnKeys(job, ['heartbeat', 'remedies']);
  const path = resolve(job.cwd, textOption(job, 'config') ?? '');
  const config = new ConfigFile(path, 'with.config');
  refuseLogin(config);
  const name = config.needed('config', 'name');
  const folder = config.text('config', 'process', 0, 'training_folder') ?? 'output';
  const root = join(resolve(job.cwd, folder), name);
  const final = join(root, `${name}.safetensors`);
  return {
    trainer: 'ai-toolkit',
    argv: [programOf(job.cwd, 'python'), 'run.py', path],
    cwd: job.cwd,
    env: pythonEnv(job, context),
    heartbeat: job.heartbeat,
    log: aiToolkitLines(name),
    checkpoints: {
      glob: `${escapeGlob(join(root, name))}_*.safetensors`,
      step: `(?:^|/)${literally(name)}_(\\d{9})\\.safetensors$`,
    },
    resume: { args: [], around: NEWEST },
    remedies: job.remedies,
    // Its bar ends one short of the total. Stopped by SIGINT it exits with 0 too, but without the
    // final file, which alone is the proof; one of an earlier run proves nothing.
    done: { step: null, artefact: final, since: (context.now ?? Date.now)() },
  };
};

/** `push_to_hub` without a token asks for one at a terminal when everything else is done. */
function refuseLogin(config: ConfigFile): void {
  if (config.at('config', 'process', 0, 'save', 'push_to_hub') !== true) return;
  throw new AdapterError(
    'with.config',
    `config.process[0].save.push_to_hub: false in ${config.path}, got true`,
    'Trainers get no token here, and ai-toolkit would ask for one for ever at the end. Send the finished file up afterwards.',
  );
}
