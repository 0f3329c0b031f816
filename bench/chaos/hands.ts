import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../daemon/cli/wait.js';
import { isAlive, type ProcessRef, readRef } from '../../trainer/process/index.js';
import { fill, type Home, makeRoom } from './home.js';
import type { Keeper } from './keeper.js';
import type { Tear, What, Whom } from './plan.js';
import { newestAttempt } from './progress-eye.js';

/** How long a deed waits for somebody it can be done to, ms. */
const VICTIM_WITHIN_MS = 5000;

/** Does to a run what its plan says. True when it was done. */
export class Hands {
  constructor(
    private readonly home: Home,
    private readonly keeper: Keeper,
  ) {}

  async carryOut(what: What, signal: AbortSignal): Promise<boolean> {
    switch (what.do) {
      case 'kill':
        return this.kill(what.whom, what.back_ms, signal);
      case 'stop':
        return this.stop(what.group, signal);
      case 'tear':
        return this.tear(what, signal);
      case 'fill':
        fill(this.home);
        return true;
    }
  }

  makeRoom(): void {
    makeRoom(this.home);
  }

  private async kill(whom: readonly Whom[], back_ms: number, signal: AbortSignal) {
    const victims = whom.filter((one) => one !== 'daemon') as ('trainer' | 'shepherd')[];
    const found = victims.length === 0 ? [] : await this.living(victims, signal);
    if (found === null) return false;
    let done = found.length > 0;
    // The daemon first: it must not see the others die.
    if (whom.includes('daemon')) done = this.keeper.kill(back_ms) || done;
    for (const ref of found) send(ref.pid, 'SIGKILL');
    return done;
  }

  private async stop(group: boolean, signal: AbortSignal): Promise<boolean> {
    const found = await this.living(['trainer', 'shepherd'], signal);
    if (found === null) return false;
    const [trainer, shepherd] = found as [ProcessRef, ProcessRef];
    send(group ? -shepherd.pid : trainer.pid, 'SIGSTOP');
    return true;
  }

  private async tear(what: Extract<What, { do: 'tear' }>, signal: AbortSignal): Promise<boolean> {
    const found = await this.living(['trainer'], signal);
    if (found === null) return false;
    const [trainer] = found as [ProcessRef];
    // Stopped first, so that the torn one is the newest when it dies.
    send(trainer.pid, 'SIGSTOP');
    const newest = readdirSync(this.home.checkpoints)
      .filter((name) => name.startsWith('step-'))
      .sort()
      .at(-1);
    if (newest !== undefined) tear(join(this.home.checkpoints, newest, what.file), what.how);
    if (what.daemon) this.keeper.kill(500);
    send(trainer.pid, 'SIGKILL');
    return newest !== undefined;
  }

  /** The processes of the newest attempt, once they all live. */
  private living(
    whom: readonly ('trainer' | 'shepherd')[],
    signal: AbortSignal,
  ): Promise<ProcessRef[] | null> {
    const look = (): ProcessRef[] | null => {
      const dir = join(this.home.attempts, String(newestAttempt(this.home.attempts)));
      const refs = whom.map((one) => readRef(dir, one === 'trainer' ? 'trainer' : 'claim'));
      const living = refs.filter((ref) => ref !== null && isAlive(ref)) as ProcessRef[];
      return living.length === whom.length ? living : null;
    };
    return waitFor(look, VICTIM_WITHIN_MS, { everyMs: 2, signal });
  }
}

function tear(path: string, how: Tear): void {
  const bytes = readFileSync(path);
  switch (how.is) {
    case 'cut':
      return truncateSync(path, Math.floor(bytes.length * how.part));
    case 'zeros':
      return writeFileSync(path, bytes.fill(0, Math.floor(bytes.length * how.part)));
    case 'missing':
      return rmSync(path);
    case 'empty':
      return truncateSync(path, 0);
  }
}

function send(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error; // It ended in between.
  }
}
