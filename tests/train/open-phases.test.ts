import { expect, test } from '@jest/globals';
import { OpenPhases } from '../../daemon/tasks/train/open-phases.js';

test('a phase is open while either of the two says so, what the lines tell of outermost', () => {
  const phases = new OpenPhases();
  expect(phases.heard('log', ['sample'])).toEqual(['sample']);
  expect(phases.heard('files', ['checkpoint'])).toEqual(['sample', 'checkpoint']);
  expect(phases.heard('log', ['sample', 'checkpoint'])).toEqual(['sample', 'checkpoint']);
  expect(phases.heard('files', [])).toEqual(['sample', 'checkpoint']);
  expect(phases.heard('log', [])).toEqual([]);
});

test('a step without a word on phases changes none', () => {
  const phases = new OpenPhases();
  expect(phases.heard('files', ['load'])).toEqual(['load']);
  expect(phases.heard('log', null)).toBeNull();
  expect(phases.heard('log', ['cache'])).toEqual(['cache', 'load']);
});
