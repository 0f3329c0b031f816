import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

/** What a program said, and how it ended. */
export interface Answer {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program that may never return, as nvidia-smi on a machine with a sick GPU; null where it could
 * not be run or has not ended in time. Never rejects. */
export function ask(
  command: string,
  args: readonly string[],
  withinMs: number,
): Promise<Answer | null> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { killSignal: 'SIGKILL' }, (error, out, err) => {
      clearTimeout(timer);
      const code = error === null ? 0 : error.code;
      resolve(typeof code === 'number' ? { code, out, err } : null);
    });
    // Not execFile's own limit: that waits for the end, and one in D state does not end.
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.stdout?.destroy();
      child.stderr?.destroy();
      child.unref();
      resolve(null);
    }, withinMs);
  });
}

/** A fork that finds nothing to execute takes as long as any, and most machines without a GPU are asked
 * at every start of an attempt. */
export async function isThere(command: string): Promise<boolean> {
  const folders = command.includes('/') ? [''] : (process.env['PATH'] ?? '').split(':');
  const found = await Promise.all(
    folders.map((folder) =>
      access(join(folder, command), constants.X_OK).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.includes(true);
}
