import { readdirSync, readFileSync } from 'node:fs';

/** Pids of living processes that an attempt (or any) of a home started, workers and all, shepherds left
 * out: told by the variables that the whole family inherits. */
export function processesOf(home: string, attempt?: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      const environ = `\0${read(pid, 'environ')}`;
      const own = environ.includes(`\0NIGHTWARDEN_HEARTBEAT_DIR=${home}/`);
      const this_ = attempt === undefined || environ.includes(`\0NIGHTWARDEN_ATTEMPT=${attempt}\0`);
      return own && this_ && !read(pid, 'cmdline').includes('shepherd.sh');
    });
}

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1');
  } catch {
    // It ended while we looked.
    return '';
  }
}
