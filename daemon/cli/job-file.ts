import { readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { homePaths, type JobFile, loadJobFile } from '../../config/index.js';

export interface ReadJob {
  readonly parsed: JobFile;
  /** The file's path; a relative `cwd` counts from its folder. */
  readonly source: string;
  readonly text: string;
}

/** Reads and checks a job file, or the bare name of one in config/jobs, here, where its mistakes can be
 * told before anything is started. Throws ConfigError. */
export function readJobFile(
  file: string,
  home: string,
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): ReadJob {
  const parsed = loadJobFile({ path: file, home, env });
  const bare = basename(file) === file && !/\.ya?ml$/.test(file);
  const source = bare ? join(homePaths(home).jobs, `${file}.yaml`) : resolve(cwd, file);
  return { parsed, source, text: readFileSync(source, 'utf8') };
}
