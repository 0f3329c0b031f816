import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parse } from 'smol-toml';
import { AdapterError } from './errors.js';
import { type Flags, flagsOf, type Value } from './flags.js';
import { kohyaPlan } from './kohya.js';
import { refuseOwnKeys } from './own-keys.js';
import { pythonEnv, scriptIn, withLauncher } from './python.js';
import type { Adapter, JobInput } from './types.js';

/** kohya's sd-scripts: every `*_train_network.py`, as it would be typed. */
export const sdScripts: Adapter = (job, context) => {
  const { words, flags } = networkCommand(
    job,
    'command: [flux_train_network.py, --config_file, my-lora.toml]',
  );
  return kohyaPlan(job, context, {
    argv: words,
    flags,
    cwd: job.cwd,
    env: pythonEnv(job, context),
    restarts: false,
  });
};

/** musubi-tuner has kohya's names and flags, but a resume restores no step. */
export const musubiTuner: Adapter = (job, context) => {
  const { words, flags } = networkCommand(
    job,
    'command: [src/musubi_tuner/wan_train_network.py, --config_file, my-lora.toml]',
  );
  return kohyaPlan(job, context, {
    argv: words,
    flags,
    cwd: job.cwd,
    env: pythonEnv(job, context),
    restarts: true,
  });
};

/** The command of a network trainer, by its launcher, and all its options. */
function networkCommand(job: JobInput, example: string): { words: string[]; flags: Flags } {
  refuseOwnKeys(job, ['command', 'heartbeat', 'remedies']);
  const command = job.command ?? [];
  const script = scriptIn(command);
  const named = script === null ? '' : basename(command[script.at] ?? '');
  if (script === null || !/^(\w+_)?train_network(_\w+)?\.py$/.test(named)) {
    const got = command.length === 0 ? 'none' : JSON.stringify(named || command[0]);
    throw new AdapterError(
      'command',
      `a command that runs one of the …train_network.py, got ${got}`,
      `Write for example ${example}; another program runs with trainer: command.`,
    );
  }
  const own = command.slice(script.at + 1);
  const flags = withConfig(own, job.cwd, 'command');
  return { words: withLauncher(command, script, job.cwd), flags };
}

/** The options of a command line over those of its `--config_file`, sections flattened as kohya does. */
export function withConfig(words: readonly string[], cwd: string, key: string): Flags {
  const named = flagsOf(words).text('config_file');
  if (named === null) return flagsOf(words);
  const path = resolve(cwd, named.endsWith('.toml') ? named : `${named}.toml`);
  return flagsOf(words, readToml(path, key));
}

export function readToml(path: string, key: string): Record<string, Value> {
  let table: Record<string, unknown>;
  try {
    table = parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = (error as Error).message.split('\n')[0];
    throw new AdapterError(key, `a readable TOML file ${path}`, `It cannot be read: ${why}`);
  }
  const flat: Record<string, Value> = {};
  for (const [name, value] of Object.entries(table)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      Object.assign(flat, value);
    } else flat[name] = value as Value;
  }
  return flat;
}
