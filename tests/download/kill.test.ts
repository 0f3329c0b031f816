import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { packageRoot } from '../../config/index.js';
import { UNIT } from '../../daemon/tasks/download/chunks.js';
import { noise, whole } from '../hub/index.js';
import { MIB, Place } from './place.js';

// The real command, killed by SIGKILL while it downloads.

const ENTRY = join(packageRoot(), 'dist/daemon/cli/main.js');
const SIZE = 48 * MIB + 4321;
const CONNECTIONS = 4;
let place: Place;
afterEach(() => place.close());

function start(...args: string[]): ChildProcess {
  const env = {
    ...place.env,
    PATH: process.env['PATH'],
    NIGHTWARDEN_HOME: place.home,
    NIGHTWARDEN_DOWNLOAD__CONNECTIONS: String(CONNECTIONS),
  };
  const child = spawn(process.execPath, [ENTRY, 'download', 'm', ...args], { env });
  child.stderr?.resume();
  return child;
}

async function toItsEnd(child: ChildProcess): Promise<{ code: number; out: string }> {
  let out = '';
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, out };
}

test('killed again and again it ends with the right file, and fetches again only what was in flight', async () => {
  place = await Place.open({ 'm.safetensors': noise(SIZE) });
  place.hub.cdn.rate = 20 * MIB;
  const kills = 5;
  for (let i = 1; i <= kills; i++) {
    const child = start();
    // Not at the end of a piece: somewhere in one, another place each time.
    const random = place.hub.cdn.total + (3 + Math.random() * 6) * MIB;
    const ended = once(child, 'close');
    await Promise.race([place.hub.cdn.sentAtLeast(random), ended]);
    child.kill('SIGKILL');
    await ended;
  }
  place.hub.cdn.rate = null;
  const { code, out } = await toItsEnd(start('--json'));
  expect(code).toBe(0);
  expect(place.read('models/m/m.safetensors').equals(whole(noise(SIZE)))).toBe(true);
  expect(place.list('models/m')).toEqual(['m.safetensors']);
  // In flight: a unit for each connection, and what the sockets between the two held.
  const inFlight = CONNECTIONS * (UNIT + 4 * MIB);
  expect(place.hub.cdn.total - SIZE).toBeLessThanOrEqual(kills * inFlight);
  const { files } = JSON.parse(out) as { files: unknown[] };
  expect(files).toEqual([expect.objectContaining({ state: 'done', bytes: SIZE })]);
});

test('two at once on the same file: one fetches it, the other waits and finds it there', async () => {
  place = await Place.open({ 'm.safetensors': noise(SIZE) });
  place.hub.cdn.rate = 20 * MIB;
  const [a, b] = [start('--json'), start('--json')];
  const results = await Promise.all([toItsEnd(a), toItsEnd(b)]);
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect(place.hub.cdn.total).toBe(SIZE);
  const hows = results.map(
    ({ out }) => (JSON.parse(out) as { files: { how: string }[] }).files[0]!,
  );
  expect(hows.map(({ how }) => how).sort()).toEqual(['downloaded', 'present']);
});
