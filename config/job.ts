import { basename, dirname, isAbsolute, join, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { homePaths } from './home.js';
import { jobContradictions, jobSchema } from './job-schema.js';
import { checkYaml, readText } from './load.js';
import type { Some } from './override.js';
import { ConfigError } from './problem.js';
import type { HangConfig, KillConfig } from './schema.js';
import { readYaml } from './yaml-source.js';

/** A checked job file. What was left out is null, or empty for lists and maps. */
export interface JobFile {
  /** The file as messages name it. */
  source: string;
  name: string;
  trainer: string;
  /** Names from models.yaml, downloaded before the trainer starts. */
  models: string[];
  command: string[] | null;
  /** Absolute. */
  cwd: string;
  env: Record<string, string>;
  /** Names of variables with secrets that the trainer is given; it gets no others. */
  secrets: string[];
  heartbeat: 'auto' | 'file' | 'shim' | 'log';
  /** Sources of regular expressions: a group of the field's name, else the first group. */
  log: Record<'step' | 'total' | 'epoch' | 'loss', string | null>;
  /** `glob` as written, relative to `cwd`; `step` finds the step in a path. */
  checkpoints: { glob: string; step: string } | null;
  resume: { args: string[] } | null;
  /** `artefact` as written, relative to `cwd`. */
  done: { step: number | null; artefact: string | null };
  publish: PublishKeys | null;
  /** Absolute folders, or `auto` for those of the tools found on this machine. */
  deliver: string[];
  /** Added to an attempt against a failure: for memory one after the other, for NaN another seed. */
  remedies: { oom: Knob[]; host_oom: Knob[]; nan: Knob | null };
  hang: Some<HangConfig>;
  kill: Some<KillConfig>;
  /** Options of a named trainer. */
  with: Record<string, OptionValue>;
}

/** What goes to the Hub, and what its card says besides the account of the night. */
export interface PublishKeys {
  repo: string;
  private: boolean;
  base_model: string | null;
  instance_prompt: string | null;
  license: string | null;
  license_name: string | null;
  license_link: string | null;
  tags: string[];
  /** A pattern of paths, relative to `cwd`. */
  samples: string | null;
  /** `final`, `best`, or the path of a saved LoRA, relative to `cwd`. */
  lora: string;
}

/** `{seed}` in an argument of the one for NaN is filled in with another number each time. */
export interface Knob {
  args: string[];
  env: Record<string, string>;
}

export type OptionValue = string | number | boolean | (string | number | boolean)[];

/**
 * Reads a job file. `path` is a path, or the bare name of a file in `<home>/config/jobs`
 * (`my-lora` for `my-lora.yaml`). Throws a ConfigError with every problem of the file.
 */
export function loadJobFile(options: {
  path: string;
  home: string;
  env: NodeJS.ProcessEnv;
}): JobFile {
  const { home, env } = options;
  const bare = basename(options.path) === options.path && !/\.ya?ml$/.test(options.path);
  const path = bare ? join(homePaths(home).jobs, `${options.path}.yaml`) : resolve(options.path);
  const inside = relative(home, path);
  const label = inside.startsWith('..') || isAbsolute(inside) ? options.path : inside;
  return parse(readText(path, label), label, dirname(path), env);
}

/**
 * Checks the text of a job file. `source` is its path: it names the file in messages, and a
 * relative `cwd` counts from its folder. Throws a ConfigError with every problem.
 */
export function parseJob(text: string, source: string, env: NodeJS.ProcessEnv = {}): JobFile {
  return parse(text, source, dirname(resolve(source)), env);
}

/** A fault that only a trainer's adapter finds, with the place of its key in the job file's text. */
export function jobFault(text: string, source: string, key: string, message: string): ConfigError {
  const path = key.split('.');
  const { line, column } = readYaml(text, source).at(path, 'value');
  return new ConfigError([{ source, line, column, path: key, message }]);
}

function parse(text: string, label: string, folder: string, env: NodeJS.ProcessEnv): JobFile {
  const { data, problems } = checkYaml(jobSchema, text, label, jobContradictions);
  if (problems.length > 0) throw new ConfigError(problems);
  const job: z.output<typeof jobSchema> = jobSchema.parse(data);
  const { log, done } = job;
  return {
    source: label,
    name: job.name,
    trainer: job.trainer,
    models: job.models,
    command: job.command ?? null,
    cwd: resolve(folder, fromTilde(job.cwd ?? '.', env)),
    env: job.env,
    secrets: job.secrets,
    heartbeat: job.heartbeat,
    log: {
      step: log.step ?? null,
      total: log.total ?? null,
      epoch: log.epoch ?? null,
      loss: log.loss ?? null,
    },
    checkpoints: job.checkpoints ?? null,
    resume: job.resume ?? null,
    done: { step: done.step ?? null, artefact: done.artefact ?? null },
    publish: job.publish === undefined ? null : publishKeys(job.publish),
    deliver: job.deliver.map((to) => folderOf(to, folder, env)),
    remedies: { ...job.remedies, nan: job.remedies.nan ?? null },
    hang: job.hang ?? {},
    kill: job.kill ?? {},
    with: job.with,
  };
}

function publishKeys(
  given: NonNullable<z.output<typeof jobSchema>['publish']>,
): NonNullable<JobFile['publish']> {
  return {
    ...given,
    base_model: given.base_model ?? null,
    instance_prompt: given.instance_prompt ?? null,
    license: given.license ?? null,
    license_name: given.license_name ?? null,
    license_link: given.license_link ?? null,
    samples: given.samples ?? null,
  };
}

function folderOf(to: string, folder: string, env: NodeJS.ProcessEnv): string {
  return to === 'auto' ? to : resolve(folder, fromTilde(to, env));
}

/** No shell reads a job file, so `~/lora` is spelled out here where HOME is known. */
function fromTilde(path: string, env: NodeJS.ProcessEnv): string {
  const home = env['HOME'];
  return home && (path === '~' || path.startsWith('~/')) ? join(home, path.slice(1)) : path;
}
