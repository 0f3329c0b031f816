import { UsageError } from './errors.js';

/** The faults that --fault can ask for, and what each does. */
export const FAULT_KINDS = {
  crash: 'die of a CUDA error, exit 1',
  kill: 'SIGKILL to itself',
  segv: 'SIGSEGV to itself',
  hang: 'stop stepping for ever; heartbeats go on',
  'hang-deaf': 'the same, and deaf to SIGTERM',
  livelock: 'spin and print log lines without a new step',
  tear: 'truncate a file of the newest checkpoint, then crash',
  'tear-zero': 'zero the tail of one, size unchanged, then crash',
  nan: 'poison the weights with NaN and train on',
  exit0: 'exit 0 without the artefact',
  oom: 'die out of CUDA memory, exit 1',
  grandchild: 'leave a process behind for up to 120 s, then SIGKILL to itself',
  stop: 'SIGSTOP to itself, heartbeats too',
  'crash-in-save': 'SIGKILL to itself half way through the checkpoint',
} as const;

export type FaultKind = keyof typeof FAULT_KINDS;

/** A fault to happen once after a step. */
export interface Fault {
  readonly kind: FaultKind;
  readonly step: number;
}

/** Reads KIND@STEP; throws UsageError for anything else. */
export function readFault(spec: string): Fault {
  const match = /^([a-z0-9-]+)@(\d+)$/.exec(spec);
  if (!match || !Object.hasOwn(FAULT_KINDS, match[1]!)) {
    const kinds = Object.keys(FAULT_KINDS).join(', ');
    throw new UsageError(`--fault ${spec}: expected KIND@STEP, KIND one of ${kinds}`);
  }
  return { kind: match[1] as FaultKind, step: Number(match[2]) };
}
