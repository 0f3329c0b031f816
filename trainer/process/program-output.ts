import { type ChildProcess, spawn } from 'node:child_process';

/** At most this much of a program's output is kept (bytes). */
const LIMIT = 4 << 20;

/**
 * What a program, found by the PATH in `env`, says on stdout. One that has not ended when `signal` aborts is killed and what it
 * had said by then is returned. Rejects when it could not be run or failed without a word.
 */
export function output(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      // A process group of its own, so that a wrapper and what it started are given up together.
      detached: true,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    let complaint = '';
    child.stdout.on('data', (chunk: Buffer) => {
      if (length < LIMIT) chunks.push(chunk);
      length += chunk.length;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < 4096) complaint += chunk.toString('latin1');
    });
    const finish = (failed: string | null, note: string): void => {
      signal.removeEventListener('abort', onAbort);
      const text = Buffer.concat(chunks).toString('utf8');
      if (failed !== null && text === '')
        reject(new Error(`${command}: ${complaint.trim() || failed}`));
      else resolve(text + note);
    };
    const onAbort = (): void => {
      killGroup(child);
      // It may be beyond SIGKILL (D state) and hold the pipes open.
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
      finish('it did not answer in time', '\n(cut short: it did not end in time)\n');
    };
    child.once('error', (error) => finish(error.message, ''));
    child.once('close', (code, how) =>
      finish(code === 0 ? null : `it ended with ${how ?? code}`, ''),
    );
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
