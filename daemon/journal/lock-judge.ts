import { type Holder, isSame, type ProcessIdentity } from './identity.js';

/** A holder on another machine touches the file every TOUCH_S seconds; silent for STALE_S, it is gone. */
export const TOUCH_S = 15;
export const STALE_S = 60;

export type Verdict =
  | { free: true; because: 'unreadable' | 'silent' | 'rebooted' | 'dead' | 'pid reused' }
  | { free: false; certain: boolean };

/**
 * Whether the process named in daemon.lock still holds the folder.
 *
 * On this host /proc answers, and time plays no part: a stopped daemon keeps its lock for as long
 * as it lives. Only for another host, which cannot be asked, does the age of the file decide.
 *
 * @param holder the file's content; null if it names nobody.
 * @param ageS seconds since the file was touched, by the clock of its own file system.
 * @param startTicksOf start time of a living process on this host, null if there is none.
 */
export function judge(
  holder: Holder | null,
  ageS: number,
  me: ProcessIdentity,
  startTicksOf: (pid: number) => number | null,
): Verdict {
  if (holder === null) return { free: true, because: 'unreadable' };
  if (holder.host !== me.host) {
    return ageS < STALE_S ? { free: false, certain: false } : { free: true, because: 'silent' };
  }
  if (holder.boot_id !== me.boot_id) return { free: true, because: 'rebooted' };
  const ticks = startTicksOf(holder.pid);
  if (ticks === null) return { free: true, because: 'dead' };
  if (ticks !== holder.start_ticks) return { free: true, because: 'pid reused' };
  return { free: false, certain: true };
}

/** The holder a lock file names; null for anything that is not one. */
export function parseHolder(text: string): Holder | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null; // The file is written whole or not at all, so this was not us: it names nobody.
  }
  if (typeof value !== 'object' || value === null) return null;
  const { pid, start_ticks, boot_id, host, since } = value as Partial<Holder>;
  const named =
    Number.isSafeInteger(pid) &&
    Number.isSafeInteger(start_ticks) &&
    typeof boot_id === 'string' &&
    typeof host === 'string' &&
    typeof since === 'number';
  return named ? (value as Holder) : null;
}

export const isHeldBy = (holder: Holder | null, who: ProcessIdentity): boolean =>
  holder !== null && isSame(holder, who);
