import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobStatus, Status } from '../../daemon/core/index.js';
import { processesWith } from './census.js';

const ROOT = join(import.meta.dirname, '../..');
export const CLI = join(ROOT, 'dist/daemon/cli/main.js');
export const program = (name: string): string => join(ROOT, 'tests/fixtures/programs', name);

/** Waits for something to become true, looking often; the error says what never came. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  seconds = 30,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found as NonNullable<T>;
    if (performance.now() > deadline) throw new Error(`not within ${seconds} s: ${what}`);
    await delay(10);
  }
}

/** Nothing for a file that is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** A home of its own with a real daemon in it, run by the real command. */
export class House {
  readonly home: string;
  readonly daemons: ChildProcess[] = [];
  /** What a daemon that is started here finds in its environment besides this process's own. */
  readonly env: Record<string, string> = {};

  constructor(config = '') {
    this.home = mkdtempSync(join(tmpdir(), 'nightwarden-house-'));
    this.write('config/nightwarden.yaml', `http: { port: 0 }\n${config}`);
  }

  path(...parts: string[]): string {
    return join(this.home, ...parts);
  }

  write(name: string, text: string): string {
    const path = this.path(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  read(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  /** Files below a folder of the home that hold any of these words, as paths from the home. A file that a
   * living daemon replaces meanwhile is passed over. */
  holding(words: readonly string[], folder = '.'): string[] {
    return readdirSync(this.path(folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .filter((path) => {
        const text = textOf(path);
        return words.some((word) => text.includes(word));
      })
      .map((path) => relative(this.home, path));
  }

  /** Starts `nightwarden up` and waits until it is ready. */
  async up(...args: string[]): Promise<ChildProcess> {
    const child = spawn(process.execPath, [CLI, 'up', '--home', this.home, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.env, NIGHTWARDEN_HOME: this.home },
    });
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4000);
    });
    this.daemons.push(child);
    await until(`a ready daemon; it said: ${said}`, async () => {
      if (child.exitCode !== null)
        throw new Error(`the daemon ended with ${child.exitCode}: ${said}`);
      const url = this.url();
      if (url === null || this.announcement()?.pid !== child.pid) return false;
      return await fetch(`${url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    });
    return child;
  }

  url(): string | null {
    return this.announcement()?.url ?? null;
  }

  async queue(name: string, text: string): Promise<void> {
    const source = this.write(`${name}.yaml`, text);
    const answer = await fetch(`${this.url()}/api/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ source, text }),
    });
    if (answer.status !== 201) throw new Error(`queueing: ${answer.status} ${await answer.text()}`);
  }

  async post(path: string): Promise<number> {
    return (await fetch(`${this.url()}${path}`, { method: 'POST' })).status;
  }

  async status(): Promise<Status> {
    return (await (await fetch(`${this.url()}/api/status`)).json()) as Status;
  }

  /** The job once `wanted` holds of it. A daemon that is down at the moment is waited for. */
  async job(
    name: string,
    what: string,
    wanted: (job: JobStatus) => boolean,
    seconds = 60,
  ): Promise<JobStatus> {
    let last: JobStatus | undefined;
    try {
      return await until(
        what,
        async () => {
          const status = await this.status().catch(() => null);
          last = status?.jobs.find((job) => job.name === name) ?? last;
          return last !== undefined && status !== null && wanted(last) ? last : null;
        },
        seconds,
      );
    } catch (error) {
      throw new Error(`${(error as Error).message}; last seen: ${JSON.stringify(last)}`);
    }
  }

  /** Ends everything that was started here. */
  async end(): Promise<void> {
    for (const child of this.daemons) child.kill('SIGKILL');
    await until('daemons gone', () =>
      this.daemons.every((child) => child.exitCode !== null || child.signalCode !== null),
    );
    // Shepherds carry the home in their arguments; trainers are in their sessions.
    await until('nothing left of this home', () => {
      const left = processesWith([this.home]);
      for (const pid of left) killSession(pid);
      return left.length === 0;
    });
  }

  /** Ends everything and removes the home. */
  async demolish(): Promise<void> {
    await this.end();
    rmSync(this.home, { recursive: true, force: true });
  }

  private announcement(): { pid: number; url: string } | null {
    try {
      return JSON.parse(this.read('state/daemon.json')) as { pid: number; url: string };
    } catch {
      // Not there yet.
      return null;
    }
  }
}

function killSession(pid: number): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
