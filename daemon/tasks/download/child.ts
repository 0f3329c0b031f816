import { fork } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../../../config/index.js';
import type { DownloadEvent } from './events.js';
import type { Refused, Said, Work } from './worker.js';

export type Outcome =
  | { readonly is: 'over'; readonly refused: Refused | null }
  /** It ended without a word on how the download stands. */
  | { readonly is: 'died'; readonly why: string };

export interface Child {
  readonly outcome: Promise<Outcome>;
  end(): void;
}

/** Downloads in a process of its own, which ends when we do. */
export function startChild(
  work: Work,
  env: NodeJS.ProcessEnv,
  onEvent: (event: DownloadEvent) => void,
): Child {
  const file = join(packageRoot(), 'dist/daemon/tasks/download/worker.js');
  const child = fork(file, [], { env, stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  let said: Outcome | null = null;
  let complaint = '';
  child.stderr?.on('data', (text: Buffer) => {
    complaint = (complaint + text.toString()).slice(-2000);
  });
  child.on('message', (message: Said) => {
    if (message.is === 'events') message.events.forEach(onEvent);
    else said = message;
  });
  const outcome = new Promise<Outcome>((resolve) => {
    child.once('error', (error) => resolve({ is: 'died', why: error.message }));
    child.once('close', (code, signal) => {
      const why = complaint.trim() || (signal ?? `exit code ${code}`);
      resolve(said ?? { is: 'died', why });
    });
  });
  child.send(work, () => {}); // a child that cannot be told has died, which `close` tells
  return { outcome, end: () => void child.kill('SIGKILL') };
}
