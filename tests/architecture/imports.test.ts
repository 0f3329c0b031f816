import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
/** Rooms of which only `index.ts` is a door; a deeper folder belongs to the room above it. */
const ROOMS = [
  'daemon/core',
  'daemon/journal',
  'daemon/engine',
  'daemon/startup',
  'daemon/tasks/download',
  'daemon/tasks/train',
  'daemon/tasks/deliver',
  'daemon/tasks/publish',
  'daemon/notify',
  'daemon/http',
  'daemon/log',
  'daemon/cli',
  'trainer/process',
  'trainer/heartbeat',
  'trainer/checkpoints',
  'trainer/adapters',
  'trainer/python',
  'trainer/reference',
  'healthchecks',
  'config',
];
/** Which top-level folders a top-level folder may import from, itself aside. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  daemon: ['trainer', 'healthchecks', 'config'],
  trainer: [],
  healthchecks: [],
  config: [],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(ROOT, path)).isDirectory()) return sources(path);
    return path.endsWith('.ts') ? [path] : [];
  });
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const found = text.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g);
  return [...found].map(([, specifier = '']) => ({
    from: file,
    to: specifier.startsWith('.')
      ? normalize(join(dirname(file), specifier)).replace(/\.js$/, '.ts')
      : specifier,
  }));
}

const imports = Object.keys(MAY_IMPORT).flatMap(sources).flatMap(importsOf);
const top = (path: string): string => path.split('/')[0] ?? '';
const roomOf = (path: string): string | undefined =>
  ROOMS.find((room) => path === room || path.startsWith(`${room}/`));
const said = (list: Import[]): string[] => list.map(({ from, to }) => `${from} -> ${to}`);

test('the check sees the imports', () => {
  expect(imports.length).toBeGreaterThan(100);
});

test('the core imports nothing but itself', () => {
  const strangers = imports.filter(
    ({ from, to }) => from.startsWith('daemon/core/') && !to.startsWith('daemon/core/'),
  );
  expect(said(strangers)).toEqual([]);
});

test('imports between the top-level folders run one way', () => {
  const wrong = imports.filter(({ from, to }) => {
    const local = to in MAY_IMPORT || top(to) in MAY_IMPORT;
    return local && top(to) !== top(from) && !(MAY_IMPORT[top(from)] ?? []).includes(top(to));
  });
  expect(said(wrong)).toEqual([]);
});

test('nothing reaches past the door of a room', () => {
  const wrong = imports.filter(({ from, to }) => {
    const room = roomOf(to);
    return room !== undefined && roomOf(from) !== room && to !== `${room}/index.ts`;
  });
  expect(said(wrong)).toEqual([]);
});

test('only main.ts knows the HTTP room', () => {
  const wrong = imports.filter(
    ({ from, to }) => to === 'daemon/http/index.ts' && from !== 'daemon/main.ts',
  );
  expect(said(wrong)).toEqual([]);
});
