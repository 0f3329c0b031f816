import { type ChildProcess, spawn } from 'node:child_process';

/** The same as the core's Volume. */
export type VolumeState =
  | { readonly is: 'unknown' }
  | { readonly is: 'answers'; readonly seconds: number }
  | { readonly is: 'stalls'; readonly seconds: number };

export interface VolumeProbe {
  /** Asks the volumes of these folders, unless an earlier question is still open or a moment old. */
  ask(folders: readonly string[]): void;
  state(): VolumeState;
  close(): void;
}

/** A healthy volume takes milliseconds, a busy one some hundred; seconds. */
const WITHIN = 1;
const EVERY = 2;
/** So long after the last answer it says nothing about now. */
const STALE_AFTER = 10;

/** Creates, writes, syncs, reads and removes one small file in each folder. An error (no room, no
 * permission) is an answer too. */
const SCRIPT = `for dir do
  file="$dir/.nightwarden-probe"
  dd if=/dev/zero of="$file" bs=4096 count=1 conv=fsync && dd if="$file" of=/dev/null bs=4096
  rm -f "$file"
done`;

/**
 * Asks a volume whether it answers, in a process of its own: one that stalls holds whoever touches it
 * in state D, beyond SIGKILL. At most one such process at a time, so that a volume that never comes
 * back costs one.
 */
export function createVolumeProbe(env: NodeJS.ProcessEnv = process.env): VolumeProbe {
  let child: ChildProcess | null = null;
  let asked = Number.NEGATIVE_INFINITY;
  let answered: number | null = null;
  let answersSince: number | null = null;
  const now = (): number => performance.now() / 1000;

  const done = (process: ChildProcess): void => {
    if (child !== process) return;
    child = null;
    answered = now();
    if (answered - asked > WITHIN) answersSince = null;
    else answersSince ??= asked;
  };
  const forget = (): void => {
    answered = null;
    answersSince = null;
  };

  return {
    ask(folders) {
      if (child !== null || now() - asked < EVERY) return;
      if (now() - (answered ?? asked) > STALE_AFTER) forget();
      asked = now();
      const started = spawn('/bin/sh', ['-c', SCRIPT, 'volume-probe', ...new Set(folders)], {
        env,
        cwd: '/',
        stdio: 'ignore',
        detached: true,
      });
      child = started;
      // One that could not be started (no process left) tells nothing of the volume.
      started.once('error', () => {
        child = null;
        forget();
      });
      started.once('exit', () => done(started));
      started.unref();
    },
    state() {
      const seconds = now() - asked;
      if (child !== null && seconds > WITHIN) return { is: 'stalls', seconds };
      if (answersSince === null || answered === null || now() - answered > STALE_AFTER)
        return { is: 'unknown' };
      return { is: 'answers', seconds: answered - answersSince };
    },
    close() {
      const { pid } = child ?? {};
      child = null;
      if (pid === undefined) return;
      try {
        // The shell and what it runs; in state D they end when the volume comes back.
        process.kill(-pid, 'SIGKILL');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    },
  };
}
