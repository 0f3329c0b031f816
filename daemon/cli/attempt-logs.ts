import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { homePaths } from '../../config/index.js';
import { codeOf } from './errors.js';

/** Where the output of an attempt lies. */
export function attemptLog(home: string, job: string, attempt: number): string {
  return join(homePaths(home).logs, job, `attempt-${attempt}.log`);
}

/** The attempts of a job that left output, in order. */
export function loggedAttempts(home: string, job: string): number[] {
  return namesIn(join(homePaths(home).logs, job))
    .map((name) => /^attempt-(\d+)\.log$/.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
