import { readdirSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { AdapterError } from './errors.js';
import { flagsOf, type Value } from './flags.js';
import { kohyaPlan } from './kohya.js';
import { refuseOwnKeys, textOption } from './own-keys.js';
import { programOf, pythonEnv } from './python.js';
import { readToml } from './sd-scripts.js';
import type { Adapter } from './types.js';

/** What the GUI of kohya_ss has written for a training: `config_lora-<date>-<time>.toml`. */
const WRITTEN = /^config_lora-\d{8}-\d{6}\.toml$/;

/**
 * kohya_ss's page: the training it would run for the file that it wrote, without the page. The
 * folder of the job is that of kohya_ss.
 */
export const kohyaSs: Adapter = (job, context) => {
  refuseOwnKeys(job, ['heartbeat', 'remedies']);
  const path = configFile(resolve(job.cwd, textOption(job, 'config') ?? ''));
  const values = readToml(path, 'with.config');
  const scripts = join(job.cwd, 'sd-scripts');
  const script = join(scripts, textOption(job, 'script') ?? scriptFor(values));
  const own = ['--config_file', path];
  const accelerate = programOf(job.cwd, 'accelerate');
  const launcher = ['--num_processes', '1', '--num_cpu_threads_per_process', '2'];
  const env = pythonEnv(job, context);
  return kohyaPlan(job, context, {
    argv: [accelerate, 'launch', ...launcher, script, ...own],
    flags: flagsOf(own, values),
    cwd: job.cwd,
    env: { PYTHONPATH: [job.cwd, scripts].join(delimiter), ...env },
    restarts: false,
  });
};

/** The file itself, or the newest that the GUI wrote into a folder. */
function configFile(path: string): string {
  const at = statSync(path, { throwIfNoEntry: false });
  if (at?.isFile()) return path;
  const newest = at?.isDirectory()
    ? readdirSync(path)
        .filter((name) => WRITTEN.test(name))
        .sort()
        .at(-1)
    : undefined;
  if (newest !== undefined) return join(path, newest);
  throw new AdapterError(
    'with.config',
    `the path of a config_lora-….toml, or of the folder kohya_ss wrote it to, got ${path}`,
    'Its page writes the file into the output folder when a training is started or its command is printed.',
  );
}

function scriptFor(values: Readonly<Record<string, Value>>): string {
  if ('t5xxl' in values)
    return 'clip_g' in values ? 'sd3_train_network.py' : 'flux_train_network.py';
  throw new AdapterError(
    'with.script',
    'the name of the script in sd-scripts, which the file does not tell',
    'Write script: sdxl_train_network.py, or script: train_network.py for Stable Diffusion 1 and 2.',
  );
}
