import type { Cause } from './causes.js';
import type { Exit } from './events.js';

/** All that is known of an attempt that ended by itself. */
export interface Ending {
  readonly exit: Exit | null;
  /** The last lines of its output, oldest first, carriage returns taken for line ends. */
  readonly tail: readonly string[];
  /** Whether this attempt made a step of its own. */
  readonly stepped: boolean;
  /** The last step known, from this attempt or from the checkpoint it began at. */
  readonly step: number | null;
  readonly target_step: number | null;
  /** Null where the job names no artefact. */
  readonly artefact: 'whole' | 'torn' | 'absent' | null;
  /** The checkpoint it was to go on from; null where it began anew. */
  readonly resumed_from: string | null;
  /** The machine was started anew since the attempt began. */
  readonly rebooted: boolean;
  /** The kernel or the cgroup recorded an out-of-memory kill during this attempt. */
  readonly oom_killed: boolean;
  readonly loss: number | null;
}

export type Outcome =
  | { readonly is: 'done' }
  | {
      readonly is: 'failure';
      readonly cause: Cause;
      readonly reason: string;
      readonly remedy: string;
      readonly signature: string;
    };

interface Pattern {
  readonly cause: Cause;
  readonly line: RegExp;
  readonly remedy: string;
  /** Proof only of a failure before the first step: later the same words may have other reasons. */
  readonly early?: true;
}

const OLDER = 'An older checkpoint is used.';
export const DISK_REMEDY = 'Free space on the volume, or lower how many checkpoints are kept.';
const DISK_FULL =
  /No space left on device|ENOSPC|Disk quota exceeded|EDQUOT|PytorchStreamWriter failed writing file/;

export const tellsOfFullDisk = (text: string): boolean => DISK_FULL.test(text);

/** Messages as the programs print them; the first match from the end of the output wins. */
const PATTERNS: readonly Pattern[] = [
  {
    cause: 'oom',
    line: /torch\.(cuda\.)?OutOfMemoryError|CUDA out of memory|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED/,
    remedy: 'Lower the batch size or the resolution, or turn on gradient checkpointing.',
  },
  {
    cause: 'host_oom',
    line: /DefaultCPUAllocator: can't allocate memory|Cannot allocate memory|^MemoryError\b|DataLoader worker \(pid.*\) is killed by signal: Killed/,
    remedy: 'Use fewer data-loader workers, or a pod with more RAM.',
  },
  {
    cause: 'disk_full',
    line: DISK_FULL,
    remedy: DISK_REMEDY,
  },
  {
    cause: 'nan',
    line: /NaN detected in|loss is nan|Loss is NaN|found NaN or Inf|Function '\w+' returned nan values/i,
    remedy: 'Lower the learning rate, or leave out the image that the log names.',
  },
  {
    cause: 'host_bad',
    line: /GPU has fallen off the bus|Unable to determine the device handle|uncorrectable ECC error|NVML: Unknown Error|Failed to initialize NVML/,
    remedy: 'This machine needs to be replaced: start the job on another pod.',
  },
  {
    cause: 'corrupt',
    line: /PytorchStreamReader failed|SafetensorError|invalid header or archive is corrupted|unexpected EOF, expected \d+ more bytes|UnpicklingError|cannot resume from .+: torn\b/,
    remedy: OLDER,
  },
  {
    cause: 'corrupt',
    line: /No such file or directory: '.*(-state|checkpoint-\d+)\/(model|optimizer|scheduler|random_states|pytorch_lora)/,
    remedy: 'An older checkpoint is used.',
  },
  {
    cause: 'permanent',
    line: /ModuleNotFoundError: .+|ImportError: .+/,
    remedy: 'Install what is missing into the environment the command runs in.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /error: unrecognized arguments: .+|error: the following arguments are required: .+|error: argument .+|unknown option .+/,
    remedy: 'Correct the command in the job file.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /FileNotFoundError: .+|No such file or directory.*|can't open file .+|not found$|Permission denied/,
    remedy: 'Correct the path in the job file, or make the file readable.',
    early: true,
  },
  {
    cause: 'permanent',
    line: /GatedRepoError.*|Access to model .+ is restricted.*|401 Client Error.*/,
    remedy: 'Accept the licence on the page of the model and give a token, or use a public mirror.',
    early: true,
  },
  { cause: 'permanent', line: /SyntaxError: .+/, remedy: 'Correct the program.', early: true },
];

/** Errors of the device, its links, the network or a volume. They come back word for word, since the words
 * are the driver's, and say nothing of the program: two in a row before a step are no proof that a third
 * will follow. (ByteRobust, SOSP 2025: a CUDA error is the commonest fault, and a restart mends most.) */
const TRANSIENT =
  /CUDA error: (an illegal memory access|unspecified launch failure|misaligned address|the launch timed out|unknown error|CUDA-capable device\(s\) is\/are busy)|CUBLAS_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR)|CUDNN_STATUS_(EXECUTION_FAILED|INTERNAL_ERROR)|NCCL (error|timeout)|ncclSystemError|\[Errno 5\] Input\/output error|Stale file handle|Transport endpoint is not connected|Connection (reset|refused|aborted|timed out)|Read timed out|Temporary failure in name resolution/;

/** Exit statuses by which a shell says that the command could not be run (POSIX, 2.8.2). */
const NOT_RUN: Readonly<Record<number, string>> = {
  126: 'the command was found but cannot be executed',
  127: 'the command was not found',
};

/** Judges an ending: done needs the exit status, the artefact and the step together; anything else
 * is a failure with a cause. An exit status nobody saw does not speak against a whole artefact. */
export function classify(end: Ending): Outcome {
  const arrived = end.target_step === null || (end.step ?? -1) >= end.target_step;
  const whole = end.artefact === null || end.artefact === 'whole';
  const clean = end.exit === null ? end.artefact === 'whole' : end.exit.code === 0;
  if (clean && arrived && whole && !end.rebooted) return { is: 'done' };
  if (end.rebooted) return failure('reboot', 'the machine was started anew', '');
  if (end.exit?.code === 0) return early(end, arrived);
  const notRun = end.exit?.code != null && !end.stepped ? NOT_RUN[end.exit.code] : undefined;
  const match = findPattern(end);
  if (match !== null) {
    return failure(match.pattern.cause, match.line, match.pattern.remedy);
  }
  if (notRun !== undefined)
    return failure('permanent', notRun, 'Correct the command in the job file.');
  if (end.oom_killed)
    return failure(
      'host_oom',
      'killed by the kernel: out of memory',
      'Use fewer data-loader workers, or a pod with more RAM.',
    );
  if (end.exit === null)
    return failure('lost', 'ended while nobody watched; its exit status is unknown', '');
  const how =
    end.exit.signal === null
      ? `exited with status ${end.exit.code}`
      : `killed by ${end.exit.signal}`;
  const last = lastWords(end.tail);
  const crash = failure('crash', last === '' ? how : `${how}: ${last}`, '');
  return TRANSIENT.test(last) ? { ...crash, signature: '' } : crash;
}

function early(end: Ending, arrived: boolean): Outcome {
  const lacking = arrived
    ? end.artefact === 'torn'
      ? 'its artefact is torn'
      : 'its artefact is not there'
    : `it stood at step ${end.step ?? 'none'} of ${end.target_step}`;
  return failure(
    'exit_early',
    `exited with status 0, but ${lacking}`,
    'Look at the end of its log; check `done` in the job file.',
  );
}

function findPattern(end: Ending): { pattern: Pattern; line: string } | null {
  // A process that is killed says nothing: what it said before, it had outlived.
  if (end.exit?.signal === 'SIGKILL') return null;
  for (let i = end.tail.length - 1; i >= 0; i -= 1) {
    const text = end.tail[i]?.trim() ?? '';
    for (const pattern of PATTERNS) {
      if (pattern.early && end.stepped) continue;
      if (!pattern.line.test(text)) continue;
      // A file that is missing from the checkpoint is no mistake in the job file.
      const own = pattern.cause === 'permanent' && isAbout(text, end.resumed_from);
      const found: Pattern = own ? { ...pattern, cause: 'corrupt', remedy: OLDER } : pattern;
      return { pattern: found, line: clip(text) };
    }
  }
  return null;
}

/** A trainer killed between two files of a save leaves a folder whose files are each whole. Which of
 * them its next attempt misses only the attempt itself can tell. */
function isAbout(text: string, checkpoint: string | null): boolean {
  if (checkpoint === null) return false;
  const name = checkpoint.slice(checkpoint.lastIndexOf('/') + 1);
  // `step-10` is no part of the name `step-100`.
  return text.split(name).some((after, i) => i > 0 && !/^\w/.test(after));
}

type Failure = Extract<Outcome, { is: 'failure' }>;

function failure(cause: Cause, reason: string, remedy: string): Failure {
  // Numbers differ from run to run (addresses, pids, sizes); the rest says whether it is the same.
  return {
    is: 'failure',
    cause,
    reason,
    remedy,
    signature: `${cause}: ${reason.replace(/0x[0-9a-f]+|\d+/gi, '#')}`,
  };
}

/** The last line that looks like an error rather than a progress bar. */
function lastWords(tail: readonly string[]): string {
  const wordy = tail.filter((line) => /error|exception|abort|fault|killed|assert/i.test(line));
  return clip(wordy.at(-1)?.trim() ?? '');
}

function clip(text: string): string {
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
