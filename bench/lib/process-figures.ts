import { readFileSync } from 'node:fs';

const TICKS_PER_SECOND = 100;

/** Resident memory of a process in bytes: VmRSS of /proc/<pid>/status (proc(5)). */
export function residentBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status: no VmRSS`);
  return Number(kib) * 1024;
}

/** CPU seconds of a process and all its threads so far: utime + stime of /proc/<pid>/stat. */
export function cpuSeconds(pid: number): number {
  const line = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // Field 2, the name in parentheses, may hold spaces: fields are counted from behind it.
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
