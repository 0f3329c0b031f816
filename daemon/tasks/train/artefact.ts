import { stat } from 'node:fs/promises';
import { verifyCheckpoint } from '../../../trainer/checkpoints/index.js';
import { nanIn } from './weights.js';

/** Some volumes store times in steps of two seconds. */
const SLACK_MS = 2000;

/** Whether the thing a job is for is there, whole, and made of numbers; null where the job names none. One from before
 * `since` (Unix milliseconds) is of another run, and so not there. */
export async function lookAtArtefact(
  path: string | null,
  since = 0,
): Promise<'whole' | 'torn' | 'absent' | 'nan' | null> {
  if (path === null) return null;
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw error;
  });
  if (found === null || found.mtimeMs < since - SLACK_MS) return 'absent';
  const kind = found.isDirectory() ? 'folder' : 'file';
  const verdict = await verifyCheckpoint(
    { path, step: 0, kind, mtime_ms: found.mtimeMs },
    { hash: false },
  );
  if (!verdict.ok) return 'torn';
  return (await nanIn(path, found.size)) === null ? 'whole' : 'nan';
}
