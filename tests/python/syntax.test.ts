import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { globSync } from 'tinyglobby';
import { pythons, withPython } from './interpreters.js';
import { Place, SHIM } from './program.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** Where no Python 3.8 is installed a newer one reads with its grammar. */
const READ = `
import ast, sys
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        ast.parse(file.read(), path, feature_version=(3, 8))
    print(path)`;

const files = globSync('**/*.py', { cwd: SHIM, absolute: true });
const given = withPython() ? test : test.skip;

given('the shim is written in the Python of 3.8', () => {
  const read = (...paths: string[]) =>
    execFileSync(pythons.at(-1)!, ['-c', READ, ...paths], { encoding: 'utf8', stdio: 'pipe' });
  expect(
    read(...files)
      .trim()
      .split('\n'),
  ).toEqual(files);
  expect(files).toContain(join(SHIM, 'nightwarden_shim/teller.py'));
  const newer = place.write('newer.py', 'match 1:\n case 1: pass');
  expect(() => read(newer)).toThrow(/SyntaxError/);
});
