import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from '@jest/globals';
import { parseJob } from '../../config/index.js';
import { planJob, resumeArgs, type TrainerPlan } from '../../trainer/adapters/index.js';
import { type Found, findCheckpoints, verifyCheckpoint } from '../../trainer/checkpoints/index.js';
import { LogProgress, type Merged } from '../../trainer/heartbeat/index.js';

export const STANDINS = join(import.meta.dirname, '../fixtures/programs/standin');
const FINISH = join(import.meta.dirname, '../../dist/trainer/adapters/finish.js');

const made: string[] = [];
afterEach(() => {
  for (const dir of made.splice(0)) rmSync(dir, { recursive: true, force: true });
});

/** A folder of its own, removed after the test. */
export function temporary(): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'nightwarden-adapters-')));
  made.push(dir);
  return dir;
}

/** The plan of a job file's text, as the daemon makes it. */
export function planOf(text: string, home: string): TrainerPlan {
  const context = { home, outputs: join(home, 'outputs'), finishEntry: () => FINISH };
  return planJob(parseJob(text, join(home, 'job.yaml')), context);
}

export interface Attempt {
  readonly argv: readonly string[];
  readonly code: number | null;
  readonly output: string;
  /** The facts its output told, in order. */
  readonly facts: readonly Merged[];
}

/** Runs one attempt to its end, its output in one file as the daemon has it. */
export function attempt(
  plan: TrainerPlan,
  from: Found | null,
  env: Record<string, string> = {},
): Attempt {
  const argv = resumeArgs(plan, from);
  const log = join(temporary(), 'log');
  const fd = openSync(log, 'w');
  const run = spawnSync(argv[0] as string, argv.slice(1), {
    cwd: plan.cwd,
    env: { ...process.env, ...plan.env, ...env },
    stdio: ['ignore', fd, fd],
  });
  closeSync(fd);
  if (run.error) throw run.error;
  const bytes = readFileSync(log);
  return { argv, code: run.status, output: bytes.toString(), facts: read(plan, bytes) };
}

/** What a log tells, line by line. */
export function read(plan: Pick<TrainerPlan, 'log'>, bytes: Buffer): Merged[] {
  const progress = new LogProgress(plan.log);
  return `${bytes.toString()}\n`
    .split(/(?<=[\r\n])/)
    .map((line) => progress.feed(Buffer.from(line)))
    .filter((fact) => fact !== null);
}

/** The newest checkpoint that is whole; newer ones that are not are removed. */
export async function newest(plan: TrainerPlan): Promise<Found | null> {
  if (plan.checkpoints === null) return null;
  for (const found of await findCheckpoints(plan.checkpoints, plan.cwd)) {
    if ((await verifyCheckpoint(found)).ok) return found;
    await rm(found.path, { recursive: true });
  }
  return null;
}

/** Steps told, in order. */
export const steps = (run: Attempt): number[] =>
  run.facts.flatMap(({ step }) => (step === null ? [] : [step]));
