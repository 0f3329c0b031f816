import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { withShim } from '../../daemon/tasks/train/environment.js';
import { SHIM } from './program.js';

describe('the environment of a trainer', () => {
  test.each(['auto', 'shim'] as const)('brings the shim in with heartbeat: %s', (heartbeat) => {
    expect(withShim({ HOME: '/root' }, heartbeat, 500)).toEqual({
      HOME: '/root',
      PYTHONPATH: SHIM,
      NIGHTWARDEN_START_STEP: '500',
    });
    expect(existsSync(join(SHIM, 'sitecustomize.py'))).toBe(true);
  });

  test('keeps the path that was there, behind the shim', () => {
    const path = (before: string) => withShim({ PYTHONPATH: before }, 'auto', 0)['PYTHONPATH'];
    expect(path('/kohya_ss:/kohya_ss/sd-scripts')).toBe(`${SHIM}:/kohya_ss:/kohya_ss/sd-scripts`);
    // An empty part would be the working folder.
    expect(path('')).toBe(SHIM);
  });

  test.each(['file', 'log'] as const)('is left alone with heartbeat: %s', (heartbeat) => {
    expect(withShim({ HOME: '/root' }, heartbeat, 500)).toEqual({ HOME: '/root' });
  });
});
