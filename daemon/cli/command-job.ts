import { basename, extname } from 'node:path';
import { stringify } from 'yaml';
import { usageError } from './errors.js';
import { splitWords } from './words.js';

/** What `run -- CMD…` may say about its program, as given on the command line. */
export interface CommandOptions {
  readonly name?: string;
  readonly logStep?: string;
  readonly total?: number;
  readonly checkpoints?: string;
  readonly checkpointStep?: string;
  readonly resumeArgs?: string;
  readonly artefact?: string;
}

export interface Place {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly now: Date;
  /** Four characters that make the name unique. */
  readonly nonce: string;
}

/** A job file's text for a program and its arguments. The config room checks it as it does a file. */
export function commandJob(words: readonly string[], given: CommandOptions, place: Place): string {
  const { checkpoints, checkpointStep, resumeArgs } = given;
  if (checkpoints === undefined && (checkpointStep !== undefined || resumeArgs !== undefined)) {
    const option = checkpointStep === undefined ? '--resume-args' : '--checkpoint-step';
    throw usageError(`${option} needs --checkpoints GLOB: without it no checkpoint is ever found.`);
  }
  return stringify({
    name: given.name ?? generatedName(words, place),
    trainer: 'command',
    command: [...words],
    cwd: place.cwd,
    env: shellEnv(place.env),
    ...(given.logStep === undefined ? {} : { log: { step: given.logStep } }),
    ...(checkpoints === undefined
      ? {}
      : { checkpoints: { glob: checkpoints, step: checkpointStep ?? '(\\d+)' } }),
    ...(resumeArgs === undefined ? {} : { resume: { args: splitWords(resumeArgs) } }),
    done: {
      ...(given.total === undefined ? {} : { step: given.total }),
      ...(given.artefact === undefined ? {} : { artefact: given.artefact }),
    },
  });
}

const INTERPRETERS = /^(python[\d.]*|node|sh|bash|zsh|uv|accelerate|torchrun|env)$/;
const SCRIPTS = new Set(['.py', '.sh', '.js', '.mjs', '.ts']);

/** `train-1122-2204-k3x9`: the program (for an interpreter its script), local date and time, nonce. */
export function generatedName(words: readonly string[], { now, nonce }: Place): string {
  const program = basename(words[0] ?? '');
  const script = words.slice(1).find((word) => SCRIPTS.has(extname(word)));
  const named = INTERPRETERS.test(program) && script !== undefined ? basename(script) : program;
  const two = (n: number) => String(n).padStart(2, '0');
  const day = `${two(now.getMonth() + 1)}${two(now.getDate())}`;
  return `${slug(named)}-${day}-${two(now.getHours())}${two(now.getMinutes())}-${nonce}`;
}

function slug(name: string): string {
  const stem = SCRIPTS.has(extname(name)) ? name.slice(0, -extname(name).length) : name;
  const plain = stem.toLowerCase().replace(/[^a-z0-9._-]+/g, '-');
  return plain.replace(/^[^a-z0-9]+/, '').slice(0, 60) || 'job';
}

/**
 * A job runs in the daemon's environment, which may have been started from another shell. These say
 * which Python and which GPUs were meant here; none holds a secret, since a job is kept on disk.
 */
const CARRIED = [
  'PATH',
  'VIRTUAL_ENV',
  'CONDA_PREFIX',
  'CONDA_DEFAULT_ENV',
  'PYTHONPATH',
  'LD_LIBRARY_PATH',
  'CUDA_VISIBLE_DEVICES',
  'CUDA_DEVICE_ORDER',
  'HIP_VISIBLE_DEVICES',
  'HF_HOME',
  'HF_HUB_CACHE',
];

export function shellEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(CARRIED.flatMap((key) => (env[key] ? [[key, env[key]]] : [])));
}
