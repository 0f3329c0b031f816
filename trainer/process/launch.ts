import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { abandon, makeAttemptDir, readRef, writeFacts } from './attempt-dir.js';
import { kill } from './kill.js';
import { LINEAGE_VARIABLE } from './lineage.js';
import { bootId, type ProcessRef } from './proc.js';
import { type Standby, shepherdPath } from './standby.js';

export interface Launch {
  /** The attempt's own folder. */
  readonly dir: string;
  readonly attempt: number;
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The whole environment of the trainer but for what is added here. */
  readonly env: NodeJS.ProcessEnv;
  readonly lineage: string;
  /** stdout and stderr go straight to this file: a trainer that writes to a pipe dies at its next
   * print when the reader does. */
  readonly log: string;
  /** Words in front of a command by which it dies with the process that started it; see tether.ts. */
  readonly tether?: readonly string[];
  /** Written to attempt.json for people. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Told of what went wrong and does not keep the trainer from running. */
  readonly onTrouble?: (what: string) => void;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly shepherd: ProcessRef;
  readonly trainer: ProcessRef;
}

/** The trainer could not be started and does not run: no working folder, no room on the disk, an
 * argument list too long. `permanent`: another try would fail the same way. */
export class LaunchFailed extends Error {
  constructor(
    message: string,
    readonly permanent: boolean,
  ) {
    super(message);
  }
}

const RECORDED_WITHIN_MS = 10_000;
/** Seconds for SIGKILL to end a shepherd that came too late. */
const CLEARED_WITHIN = 5;

/**
 * Starts a shepherd in a session of its own and waits until the trainer has recorded itself. Throws
 * {@link LaunchFailed}, and nothing of the attempt runs then or ever will. `onChild` is told of the
 * child at once, so that an exit is seen however early it comes. `standby`: a shepherd started ahead,
 * used if it still waits and can be told this.
 */
export async function launch(
  how: Launch,
  onChild: (child: ChildProcess) => void,
  standby: Standby | null = null,
): Promise<Launched> {
  const child = begin(how, standby);
  onChild(child);
  // Without the file the trainer runs just as well: a disk that refuses it must not end the attempt.
  const facts = writeFacts(how.dir, {
    argv: how.argv,
    cwd: how.cwd,
    boot_id: bootId(),
    ...how.facts,
  }).catch((error: Error) =>
    how.onTrouble?.(
      `attempt.json cannot be written (${error.message}): after a restart of the machine its processes cannot be told from others`,
    ),
  );
  // The trainer outlives this process; waiting for it must not be what keeps this process alive.
  child.unref();
  const died = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`its shepherd ended (${signal ?? code})`));
  });
  const waiting = new AbortController();
  const problem = await Promise.race([untilRecorded(how.dir, waiting.signal), died]);
  waiting.abort();
  await Promise.race([facts, delay(RECORDED_WITHIN_MS, undefined, { ref: false })]);
  const shepherd = readRef(how.dir, 'claim');
  const trainer = readRef(how.dir, 'trainer');
  // A trainer that ended within milliseconds has recorded itself all the same. A claim that is not
  // our child's is of an earlier run in this folder, whose trainer is not ours to watch.
  if (shepherd !== null && trainer !== null && shepherd.pid === child.pid)
    return { child, shepherd, trainer };
  await giveUp(how, child);
  throw new LaunchFailed(
    `could not be started in ${how.cwd}: ${problem ?? 'the attempt was claimed before'}`,
    false,
  );
}

function begin(how: Launch, standby: Standby | null): ChildProcess {
  // exec without a word does nothing and succeeds: a training that is over before it began.
  if (!how.argv[0]) throw new LaunchFailed('the command is empty', true);
  try {
    mustBeFolder(how.cwd);
    makeAttemptDir(how.dir);
    mkdirSync(dirname(how.log), { recursive: true });
    return shepherdFor(how, standby);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new LaunchFailed(
      `could not be started in ${how.cwd}: ${message}`,
      code !== undefined && PERMANENT.has(code),
    );
  }
}

/** What no second try mends. A missing folder is not among them: its volume may come back. */
const PERMANENT = new Set(['ENOTDIR', 'EACCES', 'E2BIG', 'ERR_INVALID_ARG_VALUE']);

/** Asked for by itself: spawn would say that /bin/sh does not exist. */
function mustBeFolder(cwd: string): void {
  if (!statSync(cwd).isDirectory())
    throw Object.assign(new Error(`${cwd} is not a folder; set cwd to one`), { code: 'ENOTDIR' });
}

function shepherdFor(how: Launch, standby: Standby | null): ChildProcess {
  const env = {
    ...how.env,
    NIGHTWARDEN_HEARTBEAT_DIR: join(how.dir, 'heartbeat'),
    NIGHTWARDEN_ATTEMPT: String(how.attempt),
    [LINEAGE_VARIABLE]: `${how.lineage}/${how.attempt}`,
  };
  // Opened here in any case: a log that cannot be is to be told by its name and its error.
  const out = openSync(how.log, 'a');
  try {
    const tether = how.tether ?? [];
    const taken = tether.length === 0 ? standby?.take({ ...how, env }) : null;
    if (taken) return taken;
    const [first = '/bin/sh', ...words] = [...tether, '/bin/sh', shepherdPath(), how.dir];
    const stdio: ('ignore' | number)[] = ['ignore', out, out];
    const options = { cwd: how.cwd, env, stdio, detached: true };
    return spawn(first, [...words, ...tether, ...how.argv], options);
  } finally {
    closeSync(out);
  }
}

/** Takes the claim, so that a shepherd that is merely slow starts nothing; one that has the claim
 * already is ended together with what it may just be starting. */
async function giveUp(how: Launch, child: ChildProcess): Promise<void> {
  if (child.pid === undefined || abandon(how.dir)) return;
  const claim = readRef(how.dir, 'claim');
  if (claim !== null && claim.pid !== child.pid) return;
  await kill(
    { lineage: how.lineage, shepherd: null, since: 0 },
    { grace_seconds: 0, verify_seconds: CLEARED_WITHIN },
  );
}

async function untilRecorded(dir: string, signal: AbortSignal): Promise<string | null> {
  const deadline = performance.now() + RECORDED_WITHIN_MS;
  for (let pause = 1; !signal.aborted; pause = Math.min(50, pause * 2)) {
    if (readRef(dir, 'trainer') !== null) return null;
    if (performance.now() > deadline) return 'it did not record itself in time';
    await delay(pause);
  }
  return null;
}
