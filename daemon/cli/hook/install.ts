import { randomBytes } from 'node:crypto';
import {
  accessSync,
  constants,
  copyFileSync,
  linkSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { codeOf, usageError } from '../errors.js';
import { MARK, standIn } from './stand-in.js';

export interface HookPlace {
  /** FluxGym's folder, absolute. */
  readonly root: string;
  /** The home whose daemon takes the trainings. */
  readonly home: string;
  /** Our own command, as node and its script. */
  readonly command: readonly [node: string, script: string];
  /** PATH of the person who installs, for an accelerate outside FluxGym's folder. */
  readonly path: string;
}

/** What stands aside while the stand-in has its name. */
const ASIDE = '.nightwarden-original';

/** Where FluxGym's `bash train.sh` finds accelerate: its own Python, or PATH. */
function accelerateOf({ root, path }: HookPlace): string {
  const own = ['env', 'venv', '.venv'].map((name) => join(root, name, 'bin'));
  const all = [...own, ...path.split(delimiter).filter((dir) => dir !== '')];
  const found = all.map((dir) => join(dir, 'accelerate')).find(isExecutable);
  if (found !== undefined) return found;
  throw usageError(
    `There is no accelerate in ${own[0]} nor on PATH. Give FluxGym's own folder, and turn its environment on first if it is elsewhere.`,
  );
}

/**
 * Puts the stand-in in accelerate's place. At every instant there is one under that name: the real
 * one gets a second name first, then the stand-in is renamed over it. Done again, or after pip
 * brought another accelerate, it comes to the same.
 *
 * @returns the path of the stand-in
 */
export function installHook(place: HookPlace): string {
  const accelerate = accelerateOf(place);
  const aside = accelerate + ASIDE;
  if (!isOurs(accelerate)) keepAside(accelerate, aside);
  replace(accelerate, (temporary) =>
    writeFileSync(temporary, standIn({ ...place, real: aside }), { mode: 0o755 }),
  );
  return accelerate;
}

/** Gives accelerate its place back. Null when there was no stand-in. */
export function removeHook(place: HookPlace): string | null {
  const accelerate = accelerateOf(place);
  const aside = accelerate + ASIDE;
  if (!isOurs(accelerate)) {
    // pip has put a new one there; what stands aside is of an earlier version.
    rmSync(aside, { force: true });
    return null;
  }
  try {
    renameSync(aside, accelerate);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw usageError(
      `${aside} is gone, so the real accelerate cannot be put back. Install it again: pip install --force-reinstall accelerate.`,
    );
  }
  return accelerate;
}

/** A second name for the real one; where the volume knows no hard links, a copy. */
function keepAside(accelerate: string, aside: string): void {
  replace(aside, (temporary) => {
    try {
      linkSync(accelerate, temporary);
    } catch (error) {
      if (!NO_LINKS.has(codeOf(error) ?? '')) throw error;
      copyFileSync(accelerate, temporary, constants.COPYFILE_EXCL);
    }
  });
}

const NO_LINKS: ReadonlySet<string> = new Set([
  'EPERM',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EMLINK',
]);

function replace(path: string, make: (temporary: string) => void): void {
  const temporary = `${path}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    make(temporary);
    renameSync(temporary, path);
  } finally {
    // A rename onto another name of the same file does nothing, and leaves both.
    rmSync(temporary, { force: true });
  }
}

function isOurs(path: string): boolean {
  return readFileSync(path, 'latin1').includes(MARK);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
