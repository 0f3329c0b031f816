import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A temporary folder and what has to be ended before it goes. */
export interface Workplace {
  readonly dir: string;
  /** Run in reverse order at the end, whatever happened before. */
  readonly atEnd: (undo: () => Promise<void> | void) => void;
}

/** Runs a measurement in a folder of its own and leaves nothing behind, also on failure or Ctrl-C. */
export async function inWorkplace<T>(work: (place: Workplace) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'nightwarden-bench-'));
  const undone: (() => Promise<void> | void)[] = [];
  const cleanUp = async (): Promise<void> => {
    for (const undo of undone.splice(0).reverse()) await undo();
    rmSync(dir, { recursive: true, force: true });
  };
  const interrupted = (): void => void cleanUp().finally(() => process.exit(130));
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await work({ dir, atEnd: (undo) => undone.push(undo) });
  } finally {
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
    await cleanUp();
  }
}

/** Looks until it is so, at most `seconds`. */
export async function until(
  what: string,
  seconds: number,
  isSo: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + seconds * 1000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await delay(50);
  }
}

/** SIGKILL to a process of ours; one that is gone already is what was wanted. */
export function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
