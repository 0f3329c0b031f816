import { readFileSync } from 'node:fs';

/** Where a container's kernel counts its out-of-memory kills (cgroup v2, then v1). */
const COUNTERS = ['/sys/fs/cgroup/memory.events', '/sys/fs/cgroup/memory/memory.oom_control'];

/** Out-of-memory kills in this container so far; null where the kernel does not say. */
export function oomKills(
  read = (path: string): string => readFileSync(path, 'latin1'),
): number | null {
  for (const path of COUNTERS) {
    try {
      const count = /^oom_kill (\d+)$/m.exec(read(path))?.[1];
      if (count !== undefined) return Number(count);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return null;
}
