import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { referenceEntry } from '../../trainer/reference/index.js';

/** How a run of the trainer ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A running trainer: its process, its end, and a wait for a piece of its output. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly says: (pattern: RegExp) => Promise<RegExpExecArray>;
}

/** A small training: 20 steps, a checkpoint every five. */
export const SMALL = [
  '--steps',
  '20',
  '--save-every',
  '5',
  '--sample-every',
  '0',
  '--rank',
  '2',
].concat(['--batch', '2']);

const LIMIT_MS = 20_000;

export function start(args: readonly string[], env: Record<string, string> = {}): Running {
  const entry = referenceEntry();
  if (!existsSync(entry)) throw new Error(`${entry} is missing: run "npm run build" first`);
  const { NIGHTWARDEN_HEARTBEAT_DIR: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [entry, ...args], {
    env: { ...inherited, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  let err = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    for (const listener of listeners) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
    for (const listener of listeners) listener();
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, out, err }));
  });
  const says = (pattern: RegExp) => {
    return new Promise<RegExpExecArray>((resolve, reject) => {
      const limit = setTimeout(
        () => reject(new Error(`no ${pattern} in:\n${out}${err}`)),
        LIMIT_MS,
      );
      const look = () => {
        const match = pattern.exec(out) ?? pattern.exec(err);
        if (!match) return;
        clearTimeout(limit);
        listeners.delete(look);
        resolve(match);
      };
      listeners.add(look);
      look();
    });
  };
  return { child, ended, says };
}

export function train(out: string, ...args: string[]): Promise<Ended> {
  return start([...SMALL, '--out', out, ...args]).ended;
}

/** A temporary folder and its removal. */
export function temporaryFolder(): { dir: string; remove: () => void } {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'nightwarden-reference-'));
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) };
}

export function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** Checkpoint folders of a run, oldest first. */
export function checkpointsOf(out: string): string[] {
  const folder = path.join(out, 'checkpoints');
  return readdirSync(folder)
    .filter((name) => name.startsWith('step-'))
    .sort()
    .map((name) => path.join(folder, name));
}

export interface Beat {
  readonly v: number;
  readonly attempt: number;
  readonly pid: number;
  readonly rank: number;
  readonly seq: number;
  readonly time: number;
  readonly step?: number;
  readonly total_steps: number;
  readonly epoch?: number;
  readonly loss?: number | string;
  readonly phases: { name: string; since: number }[];
}

/** Waits until a heartbeat that satisfies `wanted` stands in the folder; returns all that were seen. */
export function beats(dir: string, wanted: (beat: Beat) => boolean): Promise<Beat[]> {
  return new Promise((resolve, reject) => {
    const seen: Beat[] = [];
    const file = path.join(dir, 'rank-0.json');
    const end = () => {
      clearTimeout(limit);
      watcher.close();
    };
    const look = () => {
      if (!existsSync(file)) return;
      const beat = JSON.parse(readFileSync(file, 'utf8')) as Beat;
      if (beat.seq !== seen.at(-1)?.seq) seen.push(beat);
      if (!wanted(beat)) return;
      end();
      resolve(seen);
    };
    const limit = setTimeout(() => {
      end();
      reject(new Error(`no such heartbeat; the last was ${JSON.stringify(seen.at(-1))}`));
    }, LIMIT_MS);
    const watcher = watch(dir, look);
    look();
  });
}

/** Field 3 (state) and field 6 (session) of /proc/PID/stat; null when the process is gone. */
export function processStat(pid: number): { state: string; session: number } | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0]!, session: Number(fields[3]) };
  } catch {
    return null;
  }
}

/** Looks again and again, for what the kernel sends no event for. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const until = Date.now() + LIMIT_MS;
  while (!holds()) {
    if (Date.now() > until) throw new Error(`it never came to this: ${what}`);
    await sleep(10);
  }
}
