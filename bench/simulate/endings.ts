import type { Exit } from '../../daemon/core/index.js';

/** How a trainer ends, as the edges would tell. */
export interface Ending {
  readonly why: string;
  readonly exit: Exit;
  readonly tail: readonly string[];
  readonly oom_killed: boolean;
  readonly artefact: 'whole' | 'absent';
}

const failed = (line: string): Ending => ({
  why: line,
  exit: { code: 1, signal: null },
  tail: ['Traceback (most recent call last):', line],
  oom_killed: false,
  artefact: 'absent',
});

export const killedBy = (signal: string, oom_killed = false): Ending => ({
  why: signal,
  exit: { code: null, signal },
  tail: [],
  oom_killed,
  artefact: 'absent',
});

export const ENDINGS = {
  done: {
    why: 'done',
    exit: { code: 0, signal: null },
    tail: [],
    oom_killed: false,
    artefact: 'whole',
  },
  cuda: failed('RuntimeError: CUDA error: an illegal memory access was encountered'),
  host_oom: killedBy('SIGKILL', true),
  disk: failed('OSError: [Errno 28] No space left on device'),
  nan: failed('ValueError: Loss is NaN'),
  io: failed('OSError: [Errno 5] Input/output error'),
} as const satisfies Record<string, Ending>;
