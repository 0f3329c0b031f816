import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { constants as os } from 'node:os';
import { join } from 'node:path';
import { bootId, type ProcessRef, parseStat, refOf } from './proc.js';

/** How a trainer ended, as far as it is known. */
export type Exit =
  | { readonly code: number; readonly signal: null }
  | { readonly code: null; readonly signal: string };

export function makeAttemptDir(dir: string): void {
  mkdirSync(join(dir, 'heartbeat'), { recursive: true });
}

/** The process that made the file, null while the file is absent or its line is not whole. */
export function readRef(dir: string, file: 'claim' | 'trainer'): ProcessRef | null {
  const line = readLine(join(dir, file));
  const stat = line === null ? null : parseStat(line);
  return stat === null ? null : refOf(stat);
}

export function readExit(dir: string): Exit | null {
  const line = readLine(join(dir, 'exit'));
  return line === null ? null : exitOfStatus(Number(line));
}

/** A shell tells a death by signal n as 128 + n (POSIX XCU 2.8.2). */
export function exitOfStatus(status: number): Exit {
  const signal = status > 128 ? SIGNALS.get(status - 128) : undefined;
  return signal === undefined ? { code: status, signal: null } : { code: null, signal };
}

/**
 * Takes the claim in the shepherd's place: true when the attempt was never run and now never will
 * be, false when its shepherd was there first.
 */
export function abandon(dir: string): boolean {
  mkdirSync(dir, { recursive: true });
  try {
    const fd = openSync(
      join(dir, 'claim'),
      constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
    );
    writeSync(fd, `abandoned by daemon ${process.pid} of boot ${bootId()}\n`);
    closeSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

export function isAbandoned(dir: string): boolean {
  return readLine(join(dir, 'claim'))?.startsWith('abandoned ') ?? false;
}

function readLine(path: string): string | null {
  try {
    const text = readFileSync(path, 'latin1');
    return text.endsWith('\n') ? text.slice(0, -1) : null;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

const SIGNALS = new Map(
  Object.entries(os.signals).map(([name, number]) => [number as number, name]),
);
