import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { launch } from '../../trainer/process/index.js';
import { Ground, until } from './attempt.js';

let ground: Ground;
beforeEach(() => {
  ground = new Ground();
});
afterEach(() => ground.clear());

test('an attempt.json that cannot be written is told of, and the trainer runs', async () => {
  const dir = ground.attempt();
  // A folder of that name that is not empty cannot be replaced by a file.
  mkdirSync(join(dir, 'attempt.json'));
  writeFileSync(join(dir, 'attempt.json/in-the-way'), '');
  const troubles: string[] = [];
  const argv = ['sh', '-c', `: >${ground.path('ran')}`];
  const about = { dir, attempt: 1, argv, cwd: ground.dir, env: process.env, log: `${dir}.log` };
  const onTrouble = (what: string) => troubles.push(what);
  await launch({ ...about, lineage: ground.lineage, facts: {}, onTrouble }, () => {});
  await until(() => existsSync(ground.path('ran')), 'the trainer');
  await until(() => troubles.length > 0, 'the complaint');
  expect(troubles).toHaveLength(1);
  expect(troubles[0]).toMatch(/^attempt\.json cannot be written \(E\w+/);
  expect(readFileSync(join(dir, 'trainer'), 'utf8')).toMatch(/\n$/);
});
