import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../config/index.js';

const entry = join(packageRoot(), 'dist', 'daemon', 'cli', 'main.js');

const SHOWS_WITHIN_MS = 30_000;

export interface Cli {
  readonly child: ChildProcess;
  out(): string;
  err(): string;
  /** Settles with the exit code, or the signal's name. */
  readonly ended: Promise<number | string>;
  /** Settles once stdout and stderr together hold `wanted`; fails when the process ends before. */
  shows(wanted: string): Promise<void>;
}

/** The compiled command as a real process. */
export function cli(argv: readonly string[], cwd: string): Cli {
  if (!existsSync(entry)) throw new Error(`${entry} is missing: run \`npm run build\` first.`);
  const kept = Object.entries(process.env).filter(([name]) => !/^NIGHTWARDEN_/.test(name));
  const env = { ...Object.fromEntries(kept), NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [entry, ...argv], { cwd, env });
  let [out, err, over] = ['', '', false];
  const looks = new Set<() => void>();
  const look = () => {
    for (const each of looks) each();
  };
  child.stdout.on('data', (chunk) => {
    out += chunk;
    look();
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
    look();
  });
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => {
      over = true;
      resolve(signal ?? code ?? 0);
      look();
    });
  });
  const shows = (wanted: string) =>
    new Promise<void>((resolve, reject) => {
      const fail = (how: string) => reject(new Error(`${how} "${wanted}":\n${out}\n${err}`));
      const limit = setTimeout(() => fail('never showed'), SHOWS_WITHIN_MS);
      const each = () => {
        if ((out + err).includes(wanted)) resolve();
        else if (over) fail('ended without');
        else return;
        clearTimeout(limit);
        looks.delete(each);
      };
      looks.add(each);
      each();
    });
  return { child, out: () => out, err: () => err, ended, shows };
}

/** Runs it to its end. */
export async function run(argv: readonly string[], cwd: string) {
  const process = cli(argv, cwd);
  const code = await process.ended;
  return { code, out: process.out(), err: process.err() };
}

/** Pids of living processes whose environment or arguments name `text`. */
export function processesNaming(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter(
      (pid) =>
        read(`/proc/${pid}/environ`).includes(text) || read(`/proc/${pid}/cmdline`).includes(text),
    )
    .map(Number);
}

/** Ends whatever a failed test left behind. */
export function endProcessesNaming(text: string): void {
  for (const pid of processesNaming(text)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return ''; // it ended meanwhile, or is another user's
  }
}
