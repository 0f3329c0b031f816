import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { LINEAGE_VARIABLE, setAside } from './lineage.js';
import { type Order, orderLine } from './order.js';
import { packageFile } from './package-file.js';
import { isAlive, readStat, refOf } from './proc.js';

/**
 * A shepherd started ahead of the attempt it will run: the fork of the daemon and the start of a shell
 * are then behind it when a trainer dies. It holds nothing and has claimed nothing; it ends when its
 * standard input does, so a daemon that is killed leaves none behind.
 */
export interface Standby {
  /** Gives it the order; null when it cannot take this one, and then it has done nothing. */
  take(order: Order): ChildProcess | null;
  /** Ends it, unless it was used. */
  end(): void;
}

export interface Ahead {
  /** The job's. */
  readonly lineage: string;
  /** What most orders will ask for. */
  readonly env: NodeJS.ProcessEnv;
  /** The job's own folder; stands among the arguments, so that `ps` tells whose it is. */
  readonly label: string;
}

/** Throws what spawn throws. */
export function startStandby({ lineage, env, label }: Ahead): Standby {
  // The mark, so that whoever clears up after this daemon finds it even if it should not end.
  const base = { ...env, [LINEAGE_VARIABLE]: `${lineage}/standby` };
  const child = spawn('/bin/sh', [shepherdPath(), '-', label], {
    cwd: '/',
    env: base,
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  const stdin = child.stdin as Socket;
  // Neither it nor its pipe is what keeps the daemon alive.
  child.unref();
  stdin.unref();
  const stat = child.pid === undefined ? null : readStat(child.pid);
  const ref = stat === null ? null : refOf(stat);
  const release = ref === null ? () => {} : setAside(ref);
  let used = ref === null;
  // Killed while it waits: nothing was lost, and `take` says so.
  const ended = (): void => {
    used = true;
    release();
  };
  child.once('exit', ended);
  child.once('error', ended);
  // A write to one that has just ended: its exit tells.
  stdin.on('error', () => {});
  return {
    take(order) {
      if (used || ref === null || !isAlive(ref)) return null;
      const line = orderLine(order, base);
      if (line === null) return null;
      used = true;
      release();
      stdin.end(line);
      return child;
    },
    end() {
      used = true;
      if (stdin.writable) stdin.end();
    },
  };
}

export const shepherdPath = (): string => packageFile('trainer/process/shepherd.sh');
