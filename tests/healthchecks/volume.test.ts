import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createVolumeProbe, type VolumeProbe } from '../../healthchecks/index.js';
import { processesNaming } from '../cli/helpers/cli-process.js';
import { program, until } from '../e2e/house.js';

let dir: string;
let probe: VolumeProbe;
let stalls: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-volume-'));
  stalls = join(dir, 'stalls');
});
afterEach(() => {
  probe.close();
  rmSync(dir, { recursive: true, force: true });
});

const begin = (path = process.env['PATH']) => {
  probe = createVolumeProbe({ ...process.env, PATH: path, VOLUME_STALLS: stalls });
};

/** A folder on PATH in which dd stalls with the volume. */
function standIn(): string {
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  copyFileSync(program('dd.sh'), join(bin, 'dd'));
  return `${bin}:${process.env['PATH']}`;
}

test('a volume that answers is known to, and keeps nothing of the question', async () => {
  begin();
  expect(probe.state()).toEqual({ is: 'unknown' });
  probe.ask([dir, dir]);
  await until('an answer', () => probe.state().is === 'answers');
  expect(readdirSync(dir)).toEqual([]);
  // An error is an answer as well.
  begin();
  probe.ask([join(dir, 'absent')]);
  await until('an answer', () => probe.state().is === 'answers');
});

test('one that stalls is told, costs one process, and leaves none behind', async () => {
  begin(standIn());
  writeFileSync(stalls, '');
  probe.ask([dir]);
  await until('the stall', () => probe.state().is === 'stalls');
  for (let i = 0; i < 10; i += 1) probe.ask([dir]);
  const shells = () => processesNaming(stalls).length;
  // The shell, dd's stand-in, and its sleep.
  expect(shells()).toBeLessThanOrEqual(3);
  probe.close();
  await until('their end', () => shells() === 0);
});

test('a stall that is over leaves no word of having answered all along', async () => {
  begin(standIn());
  writeFileSync(stalls, '');
  probe.ask([dir]);
  await until('the stall', () => probe.state().is === 'stalls');
  rmSync(stalls);
  await until('its end', () => probe.state().is !== 'stalls');
  expect(probe.state()).toEqual({ is: 'unknown' });
});
