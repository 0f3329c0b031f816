import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { oldPythons, pythons, withPython } from './interpreters.js';
import { Place, SHIM } from './program.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

const bare = (): NodeJS.ProcessEnv => {
  const { PYTHONPATH: _, ...env } = place.env();
  return env;
};

/** What a program can see of its surroundings. */
const SEEN = `
import sys
threads = sys.modules["threading"].active_count() if "threading" in sys.modules else 1
print(threads, sys.path, sorted(n for n in sys.modules if not n.startswith("nightwarden")))`;

async function output(python: string, code: string, env: NodeJS.ProcessEnv, ...args: string[]) {
  const program = place.start(python, code, env, args);
  const code_ = await program.end();
  return { code: code_, lines: program.lines, errors: program.errors };
}

/** A folder with a module of this text. */
function library(name: string, text: string): string {
  const path = place.write(`lib/${name}.py`, text);
  return dirname(path);
}

beforeEach(() => {
  mkdirSync(join(place.dir, 'lib'));
});

const suite = withPython() ? describe.each(pythons) : describe.skip.each(['no Python']);

suite('%s: a program that never imports torch', (python) => {
  test('has no thread, file, path or module more than without the shim', async () => {
    const without = await output(python, SEEN, bare());
    const shimmed = await output(python, SEEN, place.env());
    const modules = (lines: string[]) =>
      JSON.parse(/\[[^[]*\]$/.exec(lines[0]!)![0].replaceAll("'", '"'));
    const own = ['sitecustomize'];
    expect(modules(shimmed.lines).filter((name: string) => !own.includes(name))).toEqual(
      modules(without.lines).filter((name: string) => !own.includes(name)),
    );
    expect(shimmed.lines[0]!.split('[', 2)).toEqual(without.lines[0]!.split('[', 2));
    expect(shimmed).toMatchObject({ code: 0, errors: '' });
    expect(place.files).toEqual(['lib']);
  });

  test('may ask for torch again and again, where there is none', async () => {
    const ask =
      'from importlib.util import find_spec; print(find_spec("torch"), find_spec("torch"))';
    const { lines } = await output(python, ask, place.env(), '-S');
    expect(lines).toEqual(['None None']);
    expect((await output(python, ask, place.env())).errors).toBe('');
  });

  test('is left alone where it asks Python to ignore its environment', async () => {
    const look = 'import sys; print("nightwarden_shim" in sys.modules)';
    for (const flag of ['-I', '-E', '-S'])
      expect((await output(python, look, place.env(), flag)).lines).toEqual(['False']);
    expect((await output(python, look, place.env())).lines).toEqual(['True']);
  });

  test('is told in one line what is wrong with the attempt, and runs', async () => {
    const env = place.env({ NIGHTWARDEN_ATTEMPT: 'third' });
    const { code, lines, errors } = await output(python, 'print("ran")', env);
    expect({ code, lines }).toEqual({ code: 0, lines: ['ran'] });
    expect(errors).toMatch(/^nightwarden: no heartbeats from this process: ValueError.*\n$/);
  });
});

suite('%s: a sitecustomize that was there before', (python) => {
  const path = (folder: string) => place.env({ PYTHONPATH: `${SHIM}:${folder}` });

  test('is loaded, under its own name, and may change the path', async () => {
    const folder = library(
      'sitecustomize',
      'import sys\nsys.path.insert(0, "/of/the/user")\nHERE = 1\n',
    );
    const look =
      'import sys, sitecustomize; print(sitecustomize.HERE, sitecustomize.__file__, sys.path[1])';
    const { lines, errors } = await output(python, look, path(folder));
    expect(lines).toEqual([`1 ${folder}/sitecustomize.py /of/the/user`]);
    expect(errors).toBe('');
  });

  test('fails as it would without the shim', async () => {
    const folder = library('sitecustomize', 'import nowhere_to_be_found\n');
    const alone = await output(python, 'print(1)', { ...bare(), PYTHONPATH: folder });
    const chained = await output(python, 'print(1)', path(folder));
    expect(chained.lines).toEqual(alone.lines);
    const last = (text: string) => text.trim().split('\n').at(-1);
    expect(last(chained.errors)).toBe(last(alone.errors));
    const look = 'import sys; print("nightwarden_shim" in sys.modules)';
    expect((await output(python, look, path(folder))).lines).toEqual(['True']);
  });
});

(oldPythons.length > 0 ? describe.each(oldPythons) : describe.skip.each(['no old Python']))(
  '%s, too old for the shim',
  (python) => {
    test('runs its program and its own sitecustomize', async () => {
      const folder = library('sitecustomize', 'import sys\nsys.HERE = 1\n');
      const env = place.env({ PYTHONPATH: `${SHIM}:${folder}` });
      expect(await output(python, 'import sys; print(sys.HERE)', env)).toEqual({
        code: 0,
        lines: ['1'],
        errors: '',
      });
      expect((await output(python, 'print(1)', place.env())).errors).toBe('');
    });
  },
);

suite('%s: the modules it watches for', (python) => {
  const WATCH = `
import sys
from nightwarden_shim.imports import Finder
def imported(name, module):
    print(name, sorted(n for n in vars(module) if not n.startswith("_")))
sys.meta_path.insert(0, Finder(["here", "faulthandler", "broken"], imported))
`;
  const env = () => place.env({ PYTHONPATH: `${SHIM}:${join(place.dir, 'lib')}` });

  test('are told once they were imported, after any number of probes, and look as ever', async () => {
    library('here', 'ONE = 1\n');
    const code = `${WATCH}
from importlib.util import find_spec
from importlib.machinery import SourceFileLoader
for _ in range(3): assert type(find_spec("here").loader) is SourceFileLoader
import here, here
import inspect, importlib
print(inspect.getsource(here).strip(), vars(here.__loader__).keys() - {"name", "path"})
importlib.reload(here)
import faulthandler
print(faulthandler.__spec__.loader, faulthandler.__loader__)`;
    const { lines, errors } = await output(python, code, env());
    expect(errors).toBe('');
    const builtin = "<class '_frozen_importlib.BuiltinImporter'>";
    expect(lines.map((line) => line.replace(/\[.*dump_.*\]/, '[...]'))).toEqual([
      "here ['ONE']",
      'ONE = 1 set()',
      "here ['ONE']",
      'faulthandler [...]',
      `${builtin} ${builtin}`,
    ]);
  });

  test('fail as they would, and a failure of ours is none of theirs', async () => {
    library('broken', 'raise KeyError("mine")\n');
    library('here', 'ONE = 1\n');
    const code = `${WATCH}
def imported(name, module): raise RuntimeError("ours")
sys.meta_path.insert(0, Finder(["here"], imported))
import here
print(here.ONE)
import broken`;
    const { code: status, lines, errors } = await output(python, code, env());
    expect({ status, lines }).toEqual({ status: 1, lines: ["here ['ONE']", '1'] });
    expect(errors).toContain("nightwarden: here is not watched: RuntimeError('ours'");
    expect(errors.trim().endsWith("KeyError: 'mine'")).toBe(true);
  });
});
