import { execFileSync } from 'node:child_process';

/** Pythons of this machine that the shim is for, each by its own path; the newest patch of each that
 * its usual name finds. */
export const pythons: readonly string[] = distinct(
  ['python3', 'python3.8', 'python3.9', 'python3.10', 'python3.11', 'python3.12', 'python3.13'],
  [3, 8],
);

/** Older ones, which may be started by a trainer all the same. */
export const oldPythons: readonly string[] = distinct(['python2.7', 'python3.6', 'python3.7'], [0]);

function distinct(names: readonly string[], least: readonly [number, number?]): string[] {
  const ask = `import sys; print('%s %s %s' % (sys.version_info[:2] >= (${least.join(', ')},), sys.version.split()[0], sys.executable))`;
  const found = new Map<string, string>();
  for (const name of names) {
    try {
      const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
      const said = execFileSync(name, ['-c', ask], { encoding: 'utf8', stdio }).trim();
      const [fits, version, path] = said.split(' ');
      if (fits === 'True' && version !== undefined && !found.has(version))
        found.set(version, path ?? name);
    } catch {
      // Not installed, or the mere stand-in of a version manager.
    }
  }
  return [...found.values()];
}

/** For tests that need a Python: says what is left out where there is none. */
export function withPython(): boolean {
  if (pythons.length > 0) return true;
  process.stderr.write('no Python 3.8 or newer here; the tests of its shim are left out\n');
  return false;
}
