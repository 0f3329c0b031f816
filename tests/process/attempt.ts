import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { makeAttemptDir, readRef } from '../../trainer/process/attempt-dir.js';
import {
  kill,
  type Launched,
  launch,
  type ProcessRef,
  type Target,
} from '../../trainer/process/index.js';
import { isAlive, readStat, refOf } from '../../trainer/process/proc.js';

const LIMIT_MS = 20_000;

export const SHEPHERD = fileURLToPath(
  new URL('../../trainer/process/shepherd.sh', import.meta.url),
);

export function program(name: string): string {
  return fileURLToPath(new URL(`../fixtures/programs/${name}`, import.meta.url));
}

/** A temporary folder, a lineage of its own, and the removal of all that was started in it. */
export class Ground {
  readonly dir = mkdtempSync(join(tmpdir(), 'nightwarden-process-'));
  readonly lineage = randomBytes(10).toString('hex');
  private readonly started: ChildProcess[] = [];
  private attempts = 0;

  /** Everything of this lineage that is alive, the shepherds too. */
  get target(): Target {
    return { lineage: this.lineage, shepherd: null, since: 0 };
  }

  path(name: string): string {
    return join(this.dir, name);
  }

  /** The folder of a new attempt, made. */
  attempt(): string {
    this.attempts += 1;
    const dir = this.path(`attempt-${this.attempts}`);
    makeAttemptDir(dir);
    return dir;
  }

  launch(
    argv: readonly string[],
    more: { dir?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ) {
    const dir = more.dir ?? this.attempt();
    const { lineage } = this;
    const env = more.env ?? process.env;
    const how = { dir, attempt: this.attempts, argv, cwd: more.cwd ?? this.dir, env, lineage };
    return launch({ ...how, log: `${dir}.log`, facts: { job: 'test' } }, () => {});
  }

  /** A shepherd whose parent is not this process. Resolves when its trainer has recorded itself. */
  async launchElsewhere(dir: string, argv: readonly string[]): Promise<Elsewhere> {
    const args = [program('parent.mjs'), SHEPHERD, dir, `${dir}.log`, this.lineage, ...argv];
    const parent = this.spawn(process.execPath, args);
    const trainer = await until(() => readRef(dir, 'trainer'), 'the trainer to be recorded');
    return { parent, trainer, shepherd: readRef(dir, 'claim')! };
  }

  spawn(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): ChildProcess {
    const options = { stdio: 'ignore' as const, ...(env === undefined ? {} : { env }) };
    const child = spawn(command, args, options);
    this.started.push(child);
    return child;
  }

  async clear(): Promise<void> {
    for (const child of this.started) child.kill('SIGKILL');
    await kill(this.target, { grace_seconds: 0, verify_seconds: 5 });
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export interface Elsewhere {
  readonly parent: ChildProcess;
  readonly shepherd: ProcessRef;
  readonly trainer: ProcessRef;
}

export function targetOf(ground: Ground, { shepherd }: Pick<Launched, 'shepherd'>): Target {
  return { lineage: ground.lineage, shepherd, since: shepherd.start_ticks };
}

/** Resolves with the first answer that is not null, false or undefined. The kernel sends no event for
 * most of what is waited for here. */
export async function until<T>(look: () => T | null | undefined | false, what: string): Promise<T> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const found = look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await delay(5);
  }
}

export function untilSays(file: string, text: string): Promise<true> {
  return until(() => textOf(file).includes(text) || null, `"${text}" in ${file}`);
}

export function untilGone(ref: ProcessRef): Promise<true> {
  return until(() => !isAlive(ref) || null, `the end of ${ref.pid}`);
}

export function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

/** The pids that programs have recorded in a file. */
export function pidsIn(file: string): number[] {
  return textOf(file).split('\n').filter(Boolean).map(Number);
}

export function refsOf(pids: readonly number[]): ProcessRef[] {
  return pids.map((pid) => refOf(readStat(pid)!));
}

/** A process of this machine that has nothing to do with any attempt, alive. */
export async function bystander(ground: Ground, env: NodeJS.ProcessEnv): Promise<ProcessRef> {
  const child = ground.spawn('sleep', ['3600'], { ...process.env, ...env });
  return refOf(await until(() => readStat(child.pid!), 'the bystander'));
}

/** end-when-told.sh: the words that start it, its end by a word, and whether it waits for one. */
export function teller(ground: Ground) {
  const fifo = ground.path(`fifo-${randomBytes(4).toString('hex')}`);
  execFileSync('mkfifo', [fifo]);
  return {
    argv: ['/bin/sh', program('end-when-told.sh'), fifo],
    ready: () => untilSays(`${fifo}.ready`, '\n'),
    tell: (how: string) => writeFileSync(fifo, `${how}\n`),
  };
}

export function folder(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}
