import { ask, isThere } from './ask.js';

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
  const query = async (what: string): Promise<string | null> => {
    const answer = await ask(command, [what, '--format=csv,noheader,nounits'], withinMs);
    return answer?.code === 0 ? answer.out : null;
  };
  const [gpus, apps] = await Promise.all([
    query('--query-gpu=uuid,memory.used'),
    query('--query-compute-apps=gpu_uuid,pid,used_memory'),
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
