import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { resolveHome } from '../../config/index.js';
import { usageError } from './errors.js';
import { type Terminal, terminal } from './terminal.js';

/** What every command is given. */
export interface Context {
  /** The environment, NIGHTWARDEN_HOME set where --home was given. */
  readonly env: NodeJS.ProcessEnv;
  /** The folder given with --home, absolute; null without. */
  readonly homeOption: string | null;
  /** The home of a command that reads: it must be there. */
  readonly home: () => string;
  /** The home of a command that starts things: made where it is missing. */
  readonly ownHome: () => string;
  readonly cwd: string;
  readonly out: Terminal;
  readonly err: Terminal;
  /** What stands behind `--` on the command line; null without one. */
  readonly rest: readonly string[] | null;
}

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

export function makeContext(
  around: Surroundings,
  homeOption: string | undefined,
  rest: readonly string[] | null,
): Context {
  const given = homeOption === undefined ? null : resolve(around.cwd, homeOption);
  const env = given === null ? { ...around.env } : { ...around.env, NIGHTWARDEN_HOME: given };
  return {
    env,
    homeOption: given,
    home: () => {
      const home = resolveHome(env);
      if (existsSync(home)) return home;
      throw usageError(
        `The home ${home} does not exist. Look for a slip in --home or NIGHTWARDEN_HOME, or make it.`,
      );
    },
    ownHome: () => {
      const home = resolveHome(env);
      mkdirSync(home, { recursive: true });
      return home;
    },
    cwd: around.cwd,
    out: terminal(around.stdout, env),
    err: terminal(around.stderr, env),
    rest,
  };
}
