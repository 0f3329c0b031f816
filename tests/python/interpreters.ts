import { execFileSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { globSync } from 'tinyglobby';

/** pyenv's, whose stand-ins on PATH run but the one version that is chosen. */
const PYENV = globSync('versions/*/bin/python', {
  cwd: process.env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'),
  absolute: true,
});

const NAMES = ['python3', ...[8, 9, 10, 11, 12, 13].map((minor) => `python3.${minor}`)];

const found = distinct([...NAMES, 'python2.7', 'python3.6', 'python3.7', ...PYENV]);
const paths = (fits: (minor: number) => boolean): readonly string[] =>
  [...found].filter(([minor]) => fits(minor)).map(([, path]) => path);

/** Pythons of this machine that the shim is for, each by its own path, the oldest first: one of each
 * minor version. */
export const pythons = paths((minor) => minor >= 308);

/** For what takes long: the oldest, the newest, and the one that `python3` is. */
export const fewPythons: readonly string[] = [
  ...new Set([pythons[0], usual(), pythons.at(-1)]),
].filter((path) => path !== undefined);

/** Older ones, which may be started by a trainer all the same. */
export const oldPythons = paths((minor) => minor < 308);

/** One of each minor version (308 is 3.8), in their order; the first in the list that is one. */
function distinct(names: readonly string[]): Map<number, string> {
  const found = new Map<number, string>();
  for (const name of names) {
    const python = versionOf(name);
    if (python !== null && !found.has(python.minor)) found.set(python.minor, python.path);
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

function usual(): string | undefined {
  const python = versionOf('python3');
  return python === null ? undefined : found.get(python.minor);
}

function versionOf(name: string): { minor: number; path: string } | null {
  const ask =
    "import sys; print('%d %s' % (sys.version_info[0] * 100 + sys.version_info[1], sys.executable))";
  try {
    const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
    const said = execFileSync(name, ['-c', ask], { encoding: 'utf8', stdio }).trim();
    const [minor, ...path] = said.split(' ');
    return { minor: Number(minor), path: path.join(' ') };
  } catch {
    // Not installed, or a stand-in without a version to stand in for.
    return null;
  }
}

/** For tests that need a Python: says what is left out where there is none. */
export function withPython(): boolean {
  if (pythons.length > 0) return true;
  process.stderr.write('no Python 3.8 or newer here; the tests of its shim are left out\n');
  return false;
}
