import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { homePaths, packageRoot, resolveHome } from '../../config/index.js';

test('the home is NIGHTWARDEN_HOME, made absolute', () => {
  expect(resolveHome({ NIGHTWARDEN_HOME: 'some/where' })).toBe(resolve('some/where'));
});

test.each([{}, { NIGHTWARDEN_HOME: '' }])('else the root of the package', (env) => {
  const home = resolveHome(env);
  expect(home).toBe(packageRoot());
  expect(JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')).name).toBe('nightwarden');
});

test('the rooms of a home', () => {
  expect(homePaths('/h')).toEqual({
    state: '/h/state',
    logs: '/h/logs',
    outputs: '/h/outputs',
    config: '/h/config',
    jobs: '/h/config/jobs',
    models: '/h/models.yaml',
  });
});
