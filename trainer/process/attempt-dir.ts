import { closeSync, constants, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
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

/**
 * Writes attempt.json, synced and under its name at once, so that it is there whole or not at all.
 * After a power cut its boot id is what tells that the pids beside it are of another boot. The trainer
 * need not wait for it: nobody syncs the claim that is made meanwhile.
 */
export async function writeFacts(
  dir: string,
  facts: Readonly<Record<string, unknown>>,
): Promise<void> {
  const temporary = join(dir, '.attempt.json.tmp');
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(`${JSON.stringify(facts, null, 1)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, join(dir, 'attempt.json'));
}

/** The process that made the file, null while the file is absent or its line is not whole. */
export function readRef(dir: string, file: 'claim' | 'trainer'): ProcessRef | null {
  const line = readLine(join(dir, file));
  const stat = line === null ? null : parseStat(line);
  return stat === null ? null : refOf(stat);
}

export function readExit(dir: string): Exit | null {
  const line = readLine(join(dir, 'exit'));
  // A power cut can leave a file of zeros or nothing before the line end: Number('') would be 0.
  return line === null || !/^\d{1,3}$/.test(line) ? null : exitOfStatus(Number(line));
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

/** Numbers with two names (SIGABRT is SIGIOT, SIGIO is SIGPOLL) go by the first, the usual one. */
const SIGNALS = new Map(
  Object.entries(os.signals)
    .reverse()
    .map(([name, number]) => [number as number, name]),
);
