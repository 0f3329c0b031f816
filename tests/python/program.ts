import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Heartbeat, parseHeartbeat } from '../../trainer/heartbeat/index.js';

export const SHIM = fileURLToPath(new URL('../../trainer/python', import.meta.url));
const LIMIT_MS = 30_000;

export async function until<T>(look: () => T | null | false, what: () => string): Promise<T> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const found = look();
    if (found !== null && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what()}`);
    await delay(5);
  }
}

/** A folder for heartbeats, and the Pythons that were started with it. */
export class Place {
  readonly dir = mkdtempSync(join(tmpdir(), 'nightwarden-shim-'));
  private readonly started: Program[] = [];

  /** The environment under which the shim is at work, and nothing of Nightwarden's that this process
   * may have itself. */
  env(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(
      ([name]) => !/^(NIGHTWARDEN_|PYTHON)/.test(name),
    );
    return {
      ...Object.fromEntries(own),
      PYTHONPATH: SHIM,
      NIGHTWARDEN_HEARTBEAT_DIR: this.dir,
      NIGHTWARDEN_ATTEMPT: '3',
      ...more,
    };
  }

  start(python: string, code: string, env = this.env(), args: readonly string[] = []): Program {
    const program = new Program(python, code === '' ? args : [...args, '-c', code], env);
    this.started.push(program);
    return program;
  }

  get files(): string[] {
    return readdirSync(this.dir).sort();
  }

  write(name: string, text: string): string {
    const path = join(this.dir, name);
    writeFileSync(path, text);
    return path;
  }

  read(name: string): string {
    return readFileSync(join(this.dir, name), 'utf8');
  }

  /** A rank's beat once `wanted` holds of it. */
  async beat(wanted: (beat: Heartbeat) => boolean, rank = 0): Promise<Heartbeat> {
    let last = '';
    return await until(
      () => {
        if (!this.files.includes(`rank-${rank}.json`)) return null;
        last = this.read(`rank-${rank}.json`);
        const parsed = parseHeartbeat(last);
        if (!parsed.ok || parsed.doubts.length > 0) throw new Error(`no sound beat: ${last}`);
        return wanted(parsed.beat) ? parsed.beat : null;
      },
      () => `a beat; the last was ${last}; ${this.started.map((one) => one.said).join('\n')}`,
    );
  }

  clear(): void {
    for (const { child } of this.started) child.kill('SIGKILL');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** A Python at work: it is told lines and says lines. */
export class Program {
  readonly child: ChildProcess;
  readonly lines: string[] = [];
  errors = '';
  private readonly closed: Promise<number | null>;

  constructor(python: string, args: readonly string[], env: NodeJS.ProcessEnv) {
    this.child = spawn(python, args, { env, stdio: 'pipe' });
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line));
    this.child.stderr!.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    this.closed = new Promise((resolve) => this.child.once('close', resolve));
  }

  get said(): string {
    return `${this.lines.join('\n')}\n${this.errors}`;
  }

  get pid(): number {
    return this.child.pid!;
  }

  tell(line: string): void {
    this.child.stdin!.write(`${line}\n`);
  }

  async says(text: string): Promise<string> {
    return await until(
      () => {
        if (this.child.exitCode !== null && !this.lines.some((line) => line.includes(text)))
          throw new Error(
            `it ended with ${this.child.exitCode} and never said ${text}: ${this.said}`,
          );
        return this.lines.find((line) => line.includes(text)) ?? null;
      },
      () => `"${text}" of ${this.said}`,
    );
  }

  /** Its exit status; its output is complete then. */
  async end(): Promise<number | null> {
    this.child.stdin!.end();
    return await this.closed;
  }
}
