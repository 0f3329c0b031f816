import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { JobInput, PlanContext } from './types.js';

/** Where a trainer's own Python may live below its folder, the usual one first. */
const ENVIRONMENTS = ['env', 'venv', '.venv'];

/** The folder of programs of the trainer's own Python; null where it has none. */
export function ownPrograms(root: string): string | null {
  const bins = ENVIRONMENTS.map((name) => join(root, name, 'bin'));
  return (
    bins.find((bin) => existsSync(join(bin, 'python')) || existsSync(join(bin, 'accelerate'))) ??
    null
  );
}

/**
 * The variables of a Python trainer. Python buffers its output in blocks once it goes to a file, so
 * that the last lines before a hang would be missing; rich's log handler wraps at 80 columns, which
 * tears the lines progress is read from. Its own Python comes first on PATH.
 */
export function pythonEnv(
  job: JobInput,
  context: PlanContext,
  root = job.cwd,
): Record<string, string> {
  const bin = ownPrograms(root);
  const path = [bin, context.path ?? process.env['PATH'] ?? '/usr/bin:/bin'];
  const own: Record<string, string> = bin === null ? {} : { PATH: path.join(delimiter) };
  return { PYTHONUNBUFFERED: '1', COLUMNS: '400', ...own, ...job.env };
}

/** A program of the trainer's own Python by its whole path, or else by its name. */
export function programOf(root: string, name: string): string {
  const bin = ownPrograms(root);
  return bin !== null && existsSync(join(bin, name)) ? join(bin, name) : name;
}

/** The position of the script in a command line, and whether `accelerate launch` runs it. */
export interface Script {
  /** Index of the word. */
  readonly at: number;
  readonly accelerate: boolean;
}

/** Finds the Python script among the words of a command; null where there is none. */
export function scriptIn(words: readonly string[]): Script | null {
  const at = words.findIndex((word) => /\.py$/.test(word));
  if (at < 0) return null;
  const before = words.slice(0, at);
  const launch = before.indexOf('launch');
  const accelerate = launch > 0 && /(^|\/)accelerate$/.test(words[launch - 1] ?? '');
  return {
    at,
    accelerate: accelerate || before.some((word) => word === 'accelerate.commands.launch'),
  };
}

/**
 * The words with one process asked for: with more than one visible GPU and no configuration,
 * `accelerate launch` turns to several by itself. A script without a launcher gets one.
 */
export function withLauncher(words: readonly string[], script: Script, root: string): string[] {
  const own = words.slice(script.at);
  const head = words.slice(0, script.at);
  if (!script.accelerate) {
    if (head.length > 0) return [...words];
    const options = ['--num_processes', '1', '--num_cpu_threads_per_process', '1'];
    return [programOf(root, 'accelerate'), 'launch', ...options, ...own];
  }
  const [program = 'accelerate', ...rest] = head;
  const first = program === 'accelerate' ? programOf(root, program) : program;
  const told = rest.some((word) =>
    /^--(num_processes|multi_gpu|config_file|num_machines)\b/.test(word),
  );
  return [first, ...rest, ...(told ? [] : ['--num_processes', '1']), ...own];
}
