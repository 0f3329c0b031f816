import type { AttemptReason } from '../core/index.js';

/** `40 ms`, `0.4 s`, `12.4 s`, `5 min 3 s`, `2 h 5 min`: as a person would say it. */
export function duration(seconds: number): string {
  if (seconds < 0.0995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${round(seconds, 1)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60] as const;
  const units = ['h', 'min', 's'] as const;
  const first = parts[0] > 0 ? 0 : 1;
  return [first, first + 1]
    .filter((i) => (parts[i] ?? 0) > 0)
    .map((i) => `${parts[i]} ${units[i]}`)
    .join(' ');
}

function round(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, '');
}

/** `1.3 GB`: decimal units, as disks and downloads are sold. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : round(value, 1)} ${units[unit]}`;
}

export function plural(count: number, thing: string, things = `${thing}s`): string {
  return `${count} ${count === 1 ? thing : things}`;
}

/** Why an attempt is made, as the end of "attempt 3 starts …". */
export const BECAUSE: Readonly<Record<AttemptReason, string>> = {
  start: 'for the first time',
  resume: 'on request',
  crash: 'after a crash',
  hang: 'after a hang',
  oom: 'after running out of VRAM',
  host_oom: 'after running out of host RAM',
  disk_full: 'after the disk was full',
  nan: 'after the loss turned NaN',
  corrupt: 'after a corrupt checkpoint',
  exit_early: 'after an exit before the work was done',
  permanent: 'after a failure that a retry does not mend',
  host_bad: 'after a fault of the host',
  reboot: 'after a reboot',
  lost: 'after the trainer vanished',
  network: 'after the network was away',
  preempted: 'after the scheduler took the machine',
};
