import { join } from 'node:path';

/** Where one job keeps what it knows, under the home. */
export interface JobPaths {
  readonly root: string;
  readonly checkpoints: string;
  readonly quarantine: string;
  attempt(n: number): string;
  log(n: number): string;
}

export function jobPaths(home: { state: string; logs: string }, job: string): JobPaths {
  const root = join(home.state, 'jobs', job);
  return {
    root,
    checkpoints: join(root, 'checkpoints'),
    quarantine: join(root, 'quarantine'),
    attempt: (n) => join(root, 'attempts', String(n)),
    log: (n) => join(home.logs, job, `attempt-${n}.log`),
  };
}
