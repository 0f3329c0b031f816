import { readFileSync } from 'node:fs';

const ROOT = '/sys/fs/cgroup';
/** Where a container's own root counts (cgroup v2, then v1), and the whole machine's count (proc(5)). */
const COUNTERS = [`${ROOT}/memory.events`, `${ROOT}/memory/memory.oom_control`, '/proc/vmstat'];

type Read = (path: string) => string;

/** Out-of-memory kills so far: of our control group, which trainers share, or where that does not count
 * them of the machine; null where the kernel does not say. */
export function oomKills(read: Read = (path) => readFileSync(path, 'latin1')): number | null {
  for (const path of [...ownCounters(read), ...COUNTERS]) {
    const count = /^oom_kill (\d+)$/m.exec(orNothing(read, path))?.[1];
    if (count !== undefined) return Number(count);
  }
  return null;
}

/** Outside of a container the root counts nothing, and each service has a group of its own
 * (cgroups(7), /proc/pid/cgroup). */
function ownCounters(read: Read): string[] {
  const lines = orNothing(read, '/proc/self/cgroup').split('\n');
  return lines.flatMap((line) => {
    const [, controllers = '', group = ''] = /^\d+:([^:]*):(\/.+)$/.exec(line) ?? [];
    if (group === '') return [];
    if (controllers === '') return [`${ROOT}${group}/memory.events`];
    return controllers.split(',').includes('memory')
      ? [`${ROOT}/memory${group}/memory.oom_control`]
      : [];
  });
}

function orNothing(read: Read, path: string): string {
  try {
    return read(path);
  } catch {
    // Absent, or hidden from us: no evidence.
    return '';
  }
}
