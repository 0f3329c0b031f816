import { statfs as nodeStatfs } from 'node:fs/promises';

export const DISK_INTERVAL_MS = 15_000;

export interface DiskOptions {
  readonly paths: readonly string[];
  /** Free bytes, or null when they could not be told in time. */
  readonly onReading: (path: string, free: number | null) => void;
  readonly intervalMs?: number;
  readonly statfs?: (path: string) => Promise<{ bavail: number; bsize: number }>;
}

/**
 * Measures free space on a timer, at once for the first time. statfs on a network volume that is gone
 * does not return, and each such call holds one of Node's four file threads: so a path is asked again
 * only after it answered, and until then has no reading rather than an old one.
 */
export function watchDisks(options: DiskOptions): { stop(): void } {
  const { paths, onReading, intervalMs = DISK_INTERVAL_MS, statfs = nodeStatfs } = options;
  const asked = new Set<string>();
  let stopped = false;

  const ask = async (path: string): Promise<void> => {
    asked.add(path);
    const free = await statfs(path).then(
      ({ bavail, bsize }) => bavail * bsize,
      () => null, // No such path, or no answer: no reading says just that.
    );
    asked.delete(path);
    if (!stopped) onReading(path, free);
  };
  const look = (): void => {
    for (const path of paths) {
      if (asked.has(path)) onReading(path, null);
      else void ask(path);
    }
  };

  look();
  const timer = setInterval(look, intervalMs);
  timer.unref();
  return {
    stop() {
      stopped = true;
      clearInterval(timer);
    },
  };
}
