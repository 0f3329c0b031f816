import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeAttemptDir, readRef } from './attempt-dir.js';
import { LINEAGE_VARIABLE } from './lineage.js';
import { packageFile } from './package-file.js';
import { bootId, type ProcessRef } from './proc.js';

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
  /** Written to attempt.json for people. */
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface Launched {
  readonly child: ChildProcess;
  readonly shepherd: ProcessRef;
  readonly trainer: ProcessRef;
}

/** The trainer could not be started: the working folder or the shell is missing, the disk is full. */
export class LaunchFailed extends Error {
  constructor(
    message: string,
    readonly permanent: boolean,
  ) {
    super(message);
  }
}

const RECORDED_WITHIN_MS = 10_000;

/**
 * Starts a shepherd in a session of its own and waits until the trainer has recorded itself.
 * Throws {@link LaunchFailed}. `onChild` is told of the child at once, so that an exit is seen
 * however early it comes.
 */
export async function launch(
  how: Launch,
  onChild: (child: ChildProcess) => void,
): Promise<Launched> {
  makeAttemptDir(how.dir);
  mkdirSync(dirname(how.log), { recursive: true });
  writeFileSync(
    join(how.dir, 'attempt.json'),
    JSON.stringify({ argv: how.argv, cwd: how.cwd, boot_id: bootId(), ...how.facts }, null, 1),
  );
  const child = spawnShepherd(how);
  onChild(child);
  const died = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`its shepherd ended (${signal ?? code})`));
  });
  const recorded = await Promise.race([untilRecorded(how.dir), died]);
  const shepherd = readRef(how.dir, 'claim');
  const trainer = readRef(how.dir, 'trainer');
  // A trainer that ended within milliseconds has recorded itself all the same.
  if (shepherd !== null && trainer !== null) return { child, shepherd, trainer };
  throw new LaunchFailed(
    `could not be started in ${how.cwd}: ${recorded ?? 'no sign of it'}`,
    false,
  );
}

function spawnShepherd(how: Launch): ChildProcess {
  const out = openSync(how.log, 'a');
  try {
    return spawn('/bin/sh', [shepherdPath(), how.dir, ...how.argv], {
      cwd: how.cwd,
      env: {
        ...how.env,
        NIGHTWARDEN_HEARTBEAT_DIR: join(how.dir, 'heartbeat'),
        NIGHTWARDEN_ATTEMPT: String(how.attempt),
        [LINEAGE_VARIABLE]: `${how.lineage}/${how.attempt}`,
      },
      stdio: ['ignore', out, out],
      detached: true,
    });
  } finally {
    closeSync(out);
  }
}

async function untilRecorded(dir: string): Promise<string | null> {
  for (
    let waited = 0, pause = 1;
    waited < RECORDED_WITHIN_MS;
    waited += pause, pause = Math.min(50, pause * 2)
  ) {
    if (readRef(dir, 'trainer') !== null) return null;
    await delay(pause);
  }
  return 'it did not record itself in time';
}

const shepherdPath = (): string => packageFile('trainer/process/shepherd.sh');
