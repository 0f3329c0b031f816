import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, truncateSync } from 'node:fs';
import path from 'node:path';
import { syncFolder, writeFileDurable } from './atomic.js';
import { checkpointFolder, listCheckpoints } from './checkpoint.js';
import { TrainError } from './errors.js';
import type { Fault, FaultKind } from './fault-spec.js';

/** The hands a fault needs on the training it disturbs. */
export interface Victim {
  readonly checkpoints: string;
  readonly params: Float32Array;
  readonly say: (text: string) => void;
}

const CUDA_ERROR = 'RuntimeError: CUDA error: an illegal memory access was encountered';
const GRANDCHILD_SECONDS = 120;

/** The faults asked for, less those that a marker file in the out folder says have happened. */
export class Faults {
  private readonly markers: string;

  constructor(
    private readonly faults: readonly Fault[],
    out: string,
  ) {
    this.markers = path.join(out, '.faults');
    if (faults.length > 0) mkdirSync(this.markers, { recursive: true });
  }

  /** Fires what is due after `step`; most faults do not return. */
  fire(step: number, victim: Victim): void {
    for (const fault of this.faults) {
      if (fault.kind === 'crash-in-save' || fault.step !== step) continue;
      if (this.mark(fault)) FIRE[fault.kind](victim);
    }
  }

  /** Whether to die in the middle of the checkpoint of this step. */
  duringSave(step: number): boolean {
    return this.faults.some((fault) => {
      return fault.kind === 'crash-in-save' && step >= fault.step && this.mark(fault);
    });
  }

  /** True once per fault and out folder. On disk before the fault, which may leave no time after. */
  private mark({ kind, step }: Fault): boolean {
    const marker = path.join(this.markers, `${kind}@${step}`);
    if (existsSync(marker)) return false;
    writeFileDurable(marker, '');
    syncFolder(this.markers);
    return true;
  }
}

const FIRE: Record<FaultKind, (victim: Victim) => void> = {
  crash: () => {
    throw new TrainError(CUDA_ERROR);
  },
  oom: () => {
    throw new TrainError(
      'torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.',
    );
  },
  kill: () => dieOf('SIGKILL'),
  'crash-in-save': () => dieOf('SIGKILL'),
  segv: () => dieOf('SIGSEGV'),
  stop: () => process.kill(process.pid, 'SIGSTOP'),
  exit0: () => process.exit(0),
  hang: () => wedge(),
  'hang-deaf': () => {
    // A handler in JavaScript needs the very thread that is blocked: installing one makes it deaf.
    process.on('SIGTERM', () => process.exit(143));
    wedge();
  },
  livelock: ({ say }) => {
    for (let n = 1; ; n++) {
      const until = Date.now() + 100;
      while (Date.now() < until);
      say(`data loader: batch not ready, retry ${n}`);
    }
  },
  nan: ({ params }) => {
    params.fill(Number.NaN);
  },
  grandchild: ({ say }) => {
    // In a session of its own, holding our output open, as a data loader's worker would.
    const script = `setTimeout(() => {}, ${GRANDCHILD_SECONDS * 1000})`;
    const child = spawn(process.execPath, ['-e', script], { detached: true, stdio: 'inherit' });
    say(`data loader worker: pid ${child.pid}`);
    dieOf('SIGKILL');
  },
  tear: ({ checkpoints }) => {
    const { file, bytes } = newestWeights(checkpoints);
    truncateSync(file, Math.floor(bytes.length / 2));
    throw new TrainError(CUDA_ERROR);
  },
  'tear-zero': ({ checkpoints }) => {
    const { file, bytes } = newestWeights(checkpoints);
    writeFileDurable(file, bytes.fill(0, Math.floor(bytes.length / 2)));
    throw new TrainError(CUDA_ERROR);
  },
};

/** Signals itself and does not go on: a signal to oneself may be delivered a moment later. */
export function dieOf(signal: NodeJS.Signals): never {
  process.kill(process.pid, signal);
  return wedge();
}

function wedge(): never {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (;;) Atomics.wait(never, 0, 0);
}

function newestWeights(checkpoints: string): { file: string; bytes: Buffer } {
  const newest = listCheckpoints(checkpoints).at(-1);
  if (newest === undefined) throw new TrainError(`${CUDA_ERROR} (no checkpoint to tear yet)`);
  const file = path.join(checkpointFolder(checkpoints, newest), 'lora.safetensors');
  return { file, bytes: readFileSync(file) };
}
