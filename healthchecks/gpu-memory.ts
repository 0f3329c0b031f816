import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';

/** One GPU's memory as nvidia-smi shows it just now, in bytes. */
export interface GpuMemory {
  readonly uuid: string;
  readonly used_bytes: number;
  /** Processes with a context on it; none where the container does not show them. */
  readonly processes: readonly { readonly pid: number; readonly bytes: number }[];
}

const MIB = 1 << 20;
/** On a machine with a sick GPU it never returns (milliseconds). */
const WITHIN_MS = 3000;

/** Memory in use on each GPU, asked for now; null where there is no nvidia-smi, or it does not answer:
 * that is no evidence either way. Never rejects. */
export async function readGpuMemory(
  command = 'nvidia-smi',
  withinMs = WITHIN_MS,
): Promise<readonly GpuMemory[] | null> {
  if (!(await isThere(command))) return null;
  const ask = (query: string) => said(command, [query, '--format=csv,noheader,nounits'], withinMs);
  const [gpus, apps] = await Promise.all([
    ask('--query-gpu=uuid,memory.used'),
    ask('--query-compute-apps=gpu_uuid,pid,used_memory'),
  ]);
  const used = rows(gpus, 2);
  if (used.length === 0) return null;
  const processes = rows(apps, 3);
  return used.map(([uuid = '', mib]) => ({
    uuid,
    used_bytes: Number(mib) * MIB,
    processes: processes
      .filter(([on]) => on === uuid)
      .map(([, pid, bytes]) => ({ pid: Number(pid), bytes: Number(bytes) * MIB })),
  }));
}

/** A fork that finds nothing to execute takes as long as any, and most machines without a GPU are asked
 * at every start of an attempt. */
async function isThere(command: string): Promise<boolean> {
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

/** Lines of `GPU-…, number, …`; `[N/A]`, as for a process of another container, is no number. */
function rows(text: string | null, cells: number): string[][] {
  return (text ?? '')
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.trim()))
    .filter(([uuid, ...figures]) => {
      const numbers = figures.every((figure) => figure !== '' && Number.isFinite(Number(figure)));
      return uuid?.startsWith('GPU-') && figures.length === cells - 1 && numbers;
    });
}

function said(command: string, args: readonly string[], withinMs: number): Promise<string | null> {
  return new Promise((resolve) => {
    const child = execFile(command, args, { killSignal: 'SIGKILL' }, (error, stdout) => {
      clearTimeout(timer);
      resolve(error === null ? stdout : null);
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
