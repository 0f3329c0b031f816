import type { Cause } from './causes.js';
import type { Exit } from './events.js';
import { type LastWords, lastWords } from './last-words.js';
import { clip, findPattern, isNetworkAway, lastLine } from './matches.js';
import { HOST_RAM_REMEDY, isTransient, NAN_REMEDY, NETWORK_REMEDY } from './patterns.js';

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
  readonly artefact: 'whole' | 'torn' | 'absent' | 'nan' | null;
  /** The checkpoint it was to go on from; null where it began anew. */
  readonly resumed_from: string | null;
  /** The machine was started anew since the attempt began. */
  readonly rebooted: boolean;
  /** The kernel or the cgroup recorded an out-of-memory kill during this attempt. */
  readonly oom_killed: boolean;
  /** Why a GPU of this machine is not there any more, where that was asked. */
  readonly gpu_lost?: string | null;
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
  const clean =
    end.exit === null ? end.artefact === 'whole' || end.artefact === 'nan' : end.exit.code === 0;
  if (clean && arrived && whole && !end.rebooted) return { is: 'done' };
  if (end.rebooted) return failure('reboot', 'the machine was started anew, or is another one', '');
  if (clean && end.artefact === 'nan')
    return failure('nan', 'its artefact holds weights that are no numbers (NaN)', NAN_REMEDY);
  const words = lastWords(end.exit, end.tail);
  if (end.gpu_lost) return failure('host_bad', end.gpu_lost, BAD_GPU);
  // Some programs catch every error and end as if there had been none; a traceback is one all the same.
  if (end.exit?.code === 0 && !words.raised) return early(end, arrived);
  const match = findPattern(end, words);
  if (match !== null) return failure(match.pattern.cause, match.line, match.pattern.remedy);
  if (isNetworkAway(end, words)) return failure('network', clip(lastLine(words)), NETWORK_REMEDY);
  if (end.exit?.code === 0) return early(end, arrived);
  return crashed(end, words);
}

const BAD_GPU = 'This machine needs to be restarted or replaced: start the job on another one.';

function crashed(end: Ending, { exit, error }: LastWords): Outcome {
  const notRun = exit?.code != null && !end.stepped ? NOT_RUN[exit.code] : undefined;
  if (notRun !== undefined)
    return failure('permanent', notRun, 'Correct the command in the job file.');
  if (end.oom_killed)
    return failure('host_oom', 'killed by the kernel: out of memory', HOST_RAM_REMEDY);
  if (exit === null)
    return failure('lost', 'ended while nobody watched; its exit status is unknown', '');
  const how = exit.signal === null ? `exited with status ${exit.code}` : `killed by ${exit.signal}`;
  const crash = failure('crash', error === '' ? how : `${how}: ${clip(error)}`, '');
  return isTransient(error) ? { ...crash, signature: '' } : crash;
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
