import { open, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { send, type Target } from './kill.js';
import { members } from './lineage.js';
import { type ProcessRef, readProc } from './proc.js';

/** How long a process may take to begin with its stacks, and then to go on with them (ms). */
const BEGIN_MS = 2000;
const QUIET_MS = 150;
const LOOK_MS = 20;
/** Of a file of stacks at most its last bytes. */
const MOST_BYTES = 256 * 1024;
/** Signals below are the trainer's own: the shim announces a real-time one. */
const FIRST_REALTIME = 34;
const LAST_SIGNAL = 64;

/** What a shimmed process says of itself in shim-<pid>.json (trainer/python, stacks.py). */
interface Announced {
  readonly pid: number;
  readonly start_ticks: number;
  readonly signal: number;
}

/**
 * The stacks of all threads of every process with the Python shim, written by each on a signal. A
 * process without a handler would die of that, so it goes only to a member of the attempt that has
 * announced it, that is the same process still, and that handles it as the kernel sees it.
 */
export async function shimStacks(
  target: Target,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  const names = (await readdir(folder)).filter((name) => /^shim-\d+\.json$/.test(name)).sort();
  if (names.length === 0) return '(no process has announced itself by the shim)\n';
  const living = members(target.lineage, target.shepherd, target.since);
  const report = async (name: string): Promise<string> => {
    const said = announced(await readFile(join(folder, name), 'utf8'));
    if (said === null) return '(it cannot be read)\n';
    const member = living.find(({ ref }) => ref.pid === said.pid);
    if (member === undefined || member.ref.start_ticks !== said.start_ticks)
      return '(it has ended)\n';
    const stacks = await ask(member.ref, said, folder, signal);
    return [`state ${member.stat.letter}`, await gil(said.pid, folder), stacks].join('\n');
  };
  const reports = names.map(async (name) => {
    const text = await report(name).catch((error: Error) => `(not to be had: ${error.message})\n`);
    return `===== ${name.slice('shim-'.length, -'.json'.length)}\n${text}`;
  });
  return (await Promise.all(reports)).join('\n');
}

function announced(text: string): Announced | null {
  try {
    const { pid, start_ticks, signal } = JSON.parse(text) as Record<string, unknown>;
    const sound = [pid, start_ticks, signal].every(Number.isSafeInteger);
    return sound ? ({ pid, start_ticks, signal } as Announced) : null;
  } catch {
    // Cut short by a full disk; said by the caller.
    return null;
  }
}

async function ask(
  ref: ProcessRef,
  said: Announced,
  folder: string,
  signal: AbortSignal,
): Promise<string> {
  if (!handles(said)) return `(it does not handle signal ${said.signal} any more: not asked)\n`;
  const path = join(folder, `stacks-${said.pid}.txt`);
  const before = (await stat(path)).size;
  send(ref, said.signal);
  let size = before;
  for (let quiet = 0, waited = 0; !signal.aborted; waited += LOOK_MS, quiet += LOOK_MS) {
    if (size === before ? waited >= BEGIN_MS : quiet >= QUIET_MS) break;
    await delay(LOOK_MS);
    const now = (await stat(path)).size;
    if (now !== size) quiet = 0;
    size = now;
  }
  if (size === before) return '(it did not answer)\n';
  return await from(path, before);
}

/** Whether the process catches the signal: SigCgt of proc(5), a bit for each, the first for 1. */
function handles({ pid, signal }: Announced): boolean {
  if (signal < FIRST_REALTIME || signal > LAST_SIGNAL) return false;
  const mask = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readProc(`/proc/${pid}/status`) ?? '')?.[1];
  return mask !== undefined && ((BigInt(`0x${mask}`) >> BigInt(signal - 1)) & 1n) === 1n;
}

/** Whether the interpreter lock can be had, by the age of the last beat (the shim beats even without
 * news) and by what the watchdog left. */
async function gil(pid: number, folder: string): Promise<string> {
  const left = await from(join(folder, `gil-${pid}.txt`), 0).catch(() => '');
  const dumps = left === '' ? '' : `\n--- dumped because no thread of it could run\n${left}---`;
  for (const name of (await readdir(folder)).filter((file) => /^rank-\d+\.json$/.test(file))) {
    const path = join(folder, name);
    const beat = beatOf(await readFile(path, 'utf8'));
    if (beat?.pid !== pid || beat.every === undefined) continue;
    const age = (Date.now() - (await stat(path)).mtimeMs) / 1000;
    const ran = `its last beat is ${age.toFixed(1)} s old, one is due every ${beat.every} s`;
    const verdict =
      age <= 2 * beat.every
        ? 'GIL: it can be had'
        : 'GIL: it cannot be had (or its files cannot be written)';
    return `${verdict}: ${ran}${dumps}`;
  }
  return `GIL: not known, it has not beaten${dumps}`;
}

function beatOf(text: string): { pid: unknown; every: number | undefined } | null {
  try {
    const beat = JSON.parse(text) as { pid?: unknown; shim?: { beats_every?: unknown } };
    const every = beat.shim?.beats_every;
    return { pid: beat.pid, every: typeof every === 'number' ? every : undefined };
  } catch {
    // A trainer's own writer at work: it is not of the shim.
    return null;
  }
}

/** A file from an offset on, or its last bytes where that is too much. */
async function from(path: string, offset: number): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const start = Math.max(offset, size - MOST_BYTES);
    const { buffer, bytesRead } = await file.read(
      Buffer.alloc(size - start),
      0,
      size - start,
      start,
    );
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}
