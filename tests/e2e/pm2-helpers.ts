import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

// The path of the program alone: pm2 (AGPL) is used from the command line, never loaded.
const PROGRAM = join(
  dirname(createRequire(import.meta.url).resolve('pm2/package.json')),
  'bin',
  'pm2',
);

export interface Pm2Process {
  readonly pid: number;
  readonly exitCode: number | null;
  readonly restarts: number;
}

/** A pm2 and a home of Nightwarden, both in one temporary folder. */
export interface Stage {
  readonly home: string;
  pm2(...args: string[]): Promise<string>;
  /** The one program this pm2 knows. */
  described(): Promise<Pm2Process>;
  /** pid of pm2's own daemon. */
  god(): number;
  /** Everything that was started from here and is still alive: all of it bears PM2_HOME. */
  processes(): number[];
  close(): Promise<void>;
}

export function makeStage(): Stage {
  const base = mkdtempSync(join(tmpdir(), 'nightwarden-pm2-'));
  const home = join(base, 'home');
  const pm2Home = join(base, 'pm2');
  mkdirSync(join(home, 'config'), { recursive: true });
  writeFileSync(join(home, 'config', 'nightwarden.yaml'), 'http: { port: 0 }\n');
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    PM2_HOME: pm2Home,
    NIGHTWARDEN_HOME: home,
  };
  // The test runner's options are none of the daemon's, and pm2 acts otherwise beneath another pm2.
  for (const name of ['NODE_OPTIONS', 'pm_id']) delete env[name];
  const pm2 = async (...args: string[]): Promise<string> => {
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, ...args], {
      cwd: base,
      env,
      timeout: 60_000,
    });
    return stdout;
  };
  const processes = (): number[] => pidsWith([`PM2_HOME=${pm2Home}`]);
  return {
    home,
    pm2,
    processes,
    async described() {
      const listed = await pm2('jlist');
      // On its very first start pm2 says hello before the list.
      const [one] = JSON.parse(listed.slice(listed.indexOf('[{'))) as [
        { pid: number; pm2_env: { exit_code?: number; restart_time: number } },
      ];
      return {
        pid: one.pid,
        exitCode: one.pm2_env.exit_code ?? null,
        restarts: one.pm2_env.restart_time,
      };
    },
    god: () => Number(readFileSync(join(pm2Home, 'pm2.pid'), 'utf8')),
    async close() {
      await waitFor('the end of all that was started', () => {
        const left = processes();
        for (const pid of left) kill(pid);
        return left.length === 0;
      });
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** The processes in whose environment all these settings stand. */
export function pidsWith(settings: readonly string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      const environ = `\0${read(`/proc/${pid}/environ`)}`;
      return settings.every((setting) => environ.includes(`\0${setting}`));
    })
    .map(Number);
}

/** Looks every 20 ms for trainers of one output folder. The shepherd bears the same words behind its
 * own, and so does a child of it that is not the trainer yet: only node is the trainer. */
export class TrainerSampler {
  /** Every pid that was ever seen. */
  readonly pids = new Set<number>();
  /** The most that were seen at one instant. */
  most = 0;
  looks = 0;
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly out: string) {
    this.timer = setInterval(() => this.look(), 20);
  }

  look(): number[] {
    const now = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && this.isTrainer(name));
    for (const pid of now) this.pids.add(Number(pid));
    this.most = Math.max(this.most, now.length);
    this.looks += 1;
    return now.map(Number);
  }

  close(): void {
    clearInterval(this.timer);
  }

  private isTrainer(pid: string): boolean {
    const words = read(`/proc/${pid}/cmdline`).split('\0');
    if (words[0] !== process.execPath || !words.includes(this.out)) return false;
    return read(`/proc/${pid}/environ`).includes('\0NIGHTWARDEN_ATTEMPT_ID=');
  }
}

/** Empty when the process is gone or a zombie. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return '';
    throw error;
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

export async function waitFor(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within 60 s`);
    await delay(50);
  }
}
