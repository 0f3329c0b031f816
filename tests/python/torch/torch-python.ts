import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The Python with PyTorch that `npm run test:python` has built; null elsewhere. */
export const torchPython: string | null = process.env['TORCH_PYTHON'] ?? null;

/** The `accelerate` beside it, started by its module: a script's first line would hold the path under
 * which the environment was built. */
export const accelerateLaunch = (...words: string[]): string[] => [
  torchPython!,
  '-m',
  'accelerate.commands.launch',
  ...['--cpu', '--num_processes', '1', '--num_machines', '1'],
  ...['--mixed_precision', 'no', '--dynamo_backend', 'no'],
  ...words,
];

export const trainers: string = join(dirname(fileURLToPath(import.meta.url)), 'trainers');

/** For tests that need PyTorch: says what is left out where it is not there. */
export function withTorch(what: string): boolean {
  if (torchPython !== null) return true;
  process.stderr.write(`${what}: left out here, npm run test:python runs it\n`);
  return false;
}

/** The same for those that need diffusers too: the environment is built without it where it cannot be
 * installed. */
export function withDiffusers(what: string): boolean {
  if (!withTorch(what)) return false;
  const look = `from importlib.util import find_spec as f; exit(not (f('diffusers') and f('transformers')))`;
  if (spawnSync(torchPython!, ['-c', look]).status === 0) return true;
  process.stderr.write(`${what}: left out, since ${torchPython} has no diffusers\n`);
  return false;
}
