import { gpuLost } from '../../../healthchecks/index.js';
import type { ProcessRef } from '../../../trainer/process/index.js';
import type { Surroundings } from './context.js';
import { notedGpus } from './gpu-proof.js';

/** Words of an error that a GPU may have to do with. */
const OF_GPU = /cuda|nccl|nvml|cudnn|cublas|nvrm|\bgpu\b/i;
/** USER_HZ, which start times are told in. */
const TICKS_PER_SECOND = 100;

/**
 * Why this machine's GPU is lost, null where it is not or nobody can say. Asked only where the trainer
 * ended with words that a lost GPU may have caused: it takes nvidia-smi's time before the next start.
 */
export async function gpuTrouble(
  at: Surroundings,
  attempt: number,
  tail: readonly string[],
  since: ProcessRef | undefined,
): Promise<string | null> {
  if (!tail.some((line) => OF_GPU.test(line))) return null;
  return gpuLost({
    expected: notedGpus(at, attempt),
    since_seconds: since === undefined ? null : since.start_ticks / TICKS_PER_SECOND,
  });
}
