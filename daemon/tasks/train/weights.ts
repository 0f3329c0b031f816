import { findNaN } from '../../../trainer/checkpoints/index.js';

/** Beyond this size (bytes) reading every number would cost the machine more than it is worth at each save;
 * a LoRA is a tenth of it. */
const MOST_BYTES = 2 * 2 ** 30;

/** Where in a checkpoint, or an artefact, a NaN stands; null where there is none, it is too large to be
 * read, or it cannot be read: that is told elsewhere. */
export async function nanIn(
  path: string,
  bytes: number,
  signal?: AbortSignal,
): Promise<string | null> {
  if (bytes > MOST_BYTES) return null;
  return findNaN(path, signal).catch(() => null);
}
