import { mkdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { UsageError } from './errors.js';

export type PhaseName =
  | 'startup'
  | 'load'
  | 'first_step'
  | 'step'
  | 'checkpoint'
  | 'sample'
  | 'finish';

/** An open phase; `since` in Unix seconds. */
export interface Phase {
  readonly name: PhaseName;
  readonly since: number;
}

/** What the training loop says about itself. Without a heartbeat folder all of it does nothing. */
export interface Heartbeat {
  /** Replaces all open phases by one. */
  enter(name: PhaseName): void;
  /** Opens a phase inside the present one for the time of `work`. */
  within<T>(name: PhaseName, work: () => T | Promise<T>): Promise<T>;
  step(step: number, epoch: number, loss: number): void;
  /** Writes the last beat and stops. */
  close(): Promise<void>;
}

/** What the worker is started with; `numbers` is a SharedArrayBuffer of SHARED.length doubles. */
export interface WorkerStart {
  readonly dir: string;
  readonly attempt: number;
  readonly numbers: SharedArrayBuffer;
  readonly totalSteps: number;
}

export type WorkerMessage = { readonly phases: readonly Phase[] } | 'close';

/** Places in the shared doubles; the 64-bit counter after them tells the worker of a change. */
export const SHARED = { step: 0, epoch: 1, loss: 2, length: 3 } as const;

/**
 * Heartbeats from a thread of their own, so that they go on while the step loop is wedged: what a
 * supervisor must not be fooled by. The loop leaves its numbers in shared memory (no message a step)
 * and posts phases, of which none may be lost however short. Settles once the thread runs.
 */
export async function startHeartbeat(
  env: NodeJS.ProcessEnv,
  totalSteps: number,
): Promise<Heartbeat> {
  const dir = env['NIGHTWARDEN_HEARTBEAT_DIR'];
  if (!dir) return silent;
  const attempt = Number(env['NIGHTWARDEN_ATTEMPT'] ?? '0');
  if (!Number.isSafeInteger(attempt)) {
    throw new UsageError(`NIGHTWARDEN_ATTEMPT=${env['NIGHTWARDEN_ATTEMPT']}: expected a number`);
  }
  mkdirSync(dir, { recursive: true });
  const numbers = new SharedArrayBuffer(8 * (SHARED.length + 1));
  const start: WorkerStart = { dir, attempt, numbers, totalSteps };
  const worker = new Worker(new URL('./heartbeat-worker.js', import.meta.url), {
    workerData: start,
  });
  await new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => {
      worker.off('error', reject); // from here on an error of the thread ends the program, loudly
      resolve();
    });
  });
  worker.unref(); // a trainer that has failed must be able to exit
  return beatTo(worker, numbers);
}

function beatTo(worker: Worker, numbers: SharedArrayBuffer): Heartbeat {
  const values = new Float64Array(numbers, 0, SHARED.length);
  const changes = new BigInt64Array(numbers, 8 * SHARED.length, 1);
  let phases: Phase[] = [];
  const tell = (next: Phase[]) => {
    phases = next;
    worker.postMessage({ phases } satisfies WorkerMessage);
  };
  const open = (name: PhaseName): Phase => ({ name, since: Date.now() / 1000 });
  return {
    enter: (name) => tell([open(name)]),
    within: async (name, work) => {
      const outer = phases;
      tell([...outer, open(name)]);
      const result = await work();
      tell(outer);
      return result;
    },
    step: (step, epoch, loss) => {
      values[SHARED.step] = step;
      values[SHARED.epoch] = epoch;
      values[SHARED.loss] = loss;
      Atomics.add(changes, 0, 1n);
    },
    close: async () => {
      worker.ref();
      const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.postMessage('close' satisfies WorkerMessage);
      await exited;
    },
  };
}

const silent: Heartbeat = {
  enter: () => {},
  within: async (_name, work) => work(),
  step: () => {},
  close: async () => {},
};
