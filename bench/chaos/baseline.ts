import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Entry } from '../../daemon/core/index.js';
import { invocation, JOB } from './jobs.js';
import type { Program } from './plan.js';

const run = promisify(execFile);
const WITHIN_MS = 120_000;

/** Gives the SHA-256 that a program's result has when nothing befalls it. Each is worked out once, by
 * the program itself and without any supervisor. */
export class Baselines {
  private readonly known = new Map<string, Promise<string>>();

  constructor(private readonly dir: string) {}

  /** `entries`: the journal of the run it is for. After a NaN the rest is trained with other noise,
   * from a step that only the journal tells. */
  of(program: Program, entries: readonly Entry[]): Promise<string> {
    const { faults: _, ...rest } = program;
    const from = program.kind === 'reference' ? reseededAt(entries) : null;
    const key = JSON.stringify({ ...rest, from });
    const known = this.known.get(key) ?? this.workOut(program, from);
    this.known.set(key, known);
    return known;
  }

  private async workOut(program: Program, from: number | null): Promise<string> {
    const cwd = mkdtempSync(join(this.dir, 'baseline-'));
    const { argv, artefact } = invocation(program, cwd, true);
    await this.train(argv, cwd);
    if (from === null) return sha256(join(cwd, artefact));
    const checkpoint = join(cwd, JOB, 'checkpoints', `step-${String(from).padStart(8, '0')}`);
    const other = join(cwd, 'reseeded');
    mkdirSync(other);
    const again = invocation(program, other, true);
    await this.train([...again.argv, '--resume', checkpoint, '--reseed', '1'], other);
    return sha256(join(other, again.artefact));
  }

  private async train(argv: readonly string[], cwd: string): Promise<void> {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' };
    await run(argv[0]!, argv.slice(1), { cwd, env, timeout: WITHIN_MS, maxBuffer: 64 << 20 });
  }
}

/** The step from which the first attempt with another seed went on; null where there was none. */
function reseededAt(entries: readonly Entry[]): number | null {
  const turned = entries.findIndex((entry) => entry.type === 'knob_turned');
  if (turned < 0) return null;
  for (const entry of entries.slice(turned)) {
    if (entry.type === 'attempt_starting' && entry.from !== null) return entry.from.step;
  }
  return null;
}

export function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}
