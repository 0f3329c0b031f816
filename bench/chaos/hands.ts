import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
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
        return this.stop(what.whom, signal);
      case 'rival':
        await this.keeper.rival();
        return true;
      case 'freeze':
        return this.freeze(what.all, what.for_ms, signal);
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
    // The daemon first: it must not see the others die. One that is between two lives is dead already,
    // and only waited for where nobody else is meant.
    const alone = found.length === 0;
    const fall = () => (this.keeper.kill(back_ms) ? true : null);
    const fell = whom.includes('daemon')
      ? await waitFor(fall, alone ? VICTIM_WITHIN_MS : 0, { everyMs: 2, signal })
      : null;
    for (const ref of found) send(ref.pid, 'SIGKILL');
    return !alone || fell !== null;
  }

  private async freeze(all: boolean, for_ms: number, signal: AbortSignal): Promise<boolean> {
    const found = await this.living(['shepherd'], signal);
    if (found === null) return false;
    const group = -(found as [ProcessRef])[0].pid;
    if (all) send(group, 'SIGSTOP');
    await this.keeper.freeze(async () => {
      await delay(for_ms);
      if (all) send(group, 'SIGCONT');
    });
    return true;
  }

  private async stop(whom: 'trainer' | 'group' | 'shepherd', signal: AbortSignal) {
    const found = await this.living([whom === 'trainer' ? 'trainer' : 'shepherd'], signal);
    if (found === null) return false;
    const [{ pid }] = found as [ProcessRef];
    send(whom === 'group' ? -pid : pid, 'SIGSTOP');
    return true;
  }

  private async tear(what: Extract<What, { do: 'tear' }>, signal: AbortSignal): Promise<boolean> {
    const found = await this.living(['trainer'], signal);
    if (found === null) return false;
    const [trainer] = found as [ProcessRef];
    // Stopped first, so that the torn one is the newest when it dies.
    send(trainer.pid, 'SIGSTOP');
    const newest = newestIn(this.home.checkpoints);
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

/** The folder of the highest step; undefined while there is none. */
function newestIn(folder: string): string | undefined {
  const steps = readdirSync(folder).filter((name) => /^step-\d+$/.test(name));
  return steps.sort((a, b) => Number(a.slice(5)) - Number(b.slice(5))).at(-1);
}

const PAGE = 4096;

function tear(path: string, how: Tear): void {
  const bytes = readFileSync(path);
  switch (how.is) {
    case 'cut':
      return truncateSync(path, Math.floor(bytes.length * how.part));
    case 'zeros':
      return writeFileSync(path, bytes.fill(0, Math.floor(bytes.length * how.part)));
    case 'hole': {
      const page = Math.floor((bytes.length * how.part) / PAGE) * PAGE;
      return writeFileSync(path, bytes.fill(0, page, Math.min(bytes.length, page + PAGE)));
    }
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
