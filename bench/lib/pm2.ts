import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Workplace } from './workplace.js';

export interface Pm2 {
  /** The pid of its God daemon. */
  readonly god: number;
  /** Runs one pm2 command to its end. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<void>;
}

// The path of the program alone: pm2 (AGPL) is used from the command line, never loaded.
const program = join(
  dirname(createRequire(import.meta.url).resolve('pm2/package.json')),
  'bin',
  'pm2',
);

/** A pm2 with a home of its own. Ended, with what it runs, at the end of the workplace. */
export async function startPm2(place: Workplace): Promise<Pm2> {
  const home = join(place.dir, 'pm2');
  const run = async (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<void> => {
    await promisify(execFile)(process.execPath, [program, ...args], {
      cwd: place.dir,
      env: { ...process.env, ...env, PM2_HOME: home },
    });
  };
  place.atEnd(() => run(['kill']));
  await run(['ping']);
  return { god: Number(readFileSync(join(home, 'pm2.pid'), 'utf8')), run };
}
