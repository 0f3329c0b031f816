import { packageFile } from '../process/index.js';

/**
 * What makes every Python that a trainer starts load the shim: the variables to add to the
 * trainer's environment `env`. Harmless to a program that is no Python. `start_step`: what the attempt
 * resumes from, since the shim itself only sees the steps made by its own process.
 */
export function shimEnvironment(
  env: NodeJS.ProcessEnv,
  start_step: number,
): { readonly [name: string]: string } {
  const before = env['PYTHONPATH'];
  const folder = packageFile('trainer/python');
  return {
    // An empty part of the path would mean the working folder.
    PYTHONPATH: before === undefined || before === '' ? folder : `${folder}:${before}`,
    NIGHTWARDEN_START_STEP: String(start_step),
  };
}
