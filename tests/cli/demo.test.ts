import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { markedEnv } from '../../daemon/cli/demo/ours.js';
import { cli, endProcessesNaming, processesNaming, run } from './helpers/cli-process.js';
import { tempFolder } from './helpers/temp.js';

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) endProcessesNaming(folder);
});

function folder(): string {
  const made = tempFolder();
  folders.push(made);
  return made;
}

test('ends with the same LoRA after a crash, a hang and a killed daemon, and leaves no process', async () => {
  const home = folder();
  const { code, out } = await run(['demo', '--json', '--home', home], home);
  const account = JSON.parse(out);
  expect(account).toMatchObject({
    completed: true,
    identical: true,
    faults: { crash: true, hang: true, daemon_kill: true },
  });
  expect(account.attempts).toBeGreaterThanOrEqual(3);
  expect(code).toBe(0);
  expect(account.lora_sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(account.baseline_sha256).toBe(account.lora_sha256);
  expect(account.lost_steps).toBeGreaterThan(0);
  const loras = [home, join(home, 'baseline')].map((at) => {
    return readFileSync(join(at, 'outputs', 'demo', 'demo.safetensors'));
  });
  expect(loras[0]!.equals(loras[1]!)).toBe(true);
  expect(processesNaming(home)).toEqual([]);
}, 120_000);

test('interrupted, it ends all it started', async () => {
  const home = join(folder(), 'home');
  const demo = cli(['demo', '--home', home], tempFolder());
  await demo.shows('second training');
  await demo.shows('training');
  demo.child.kill('SIGINT');
  expect(await demo.ended).toBe(1);
  expect(demo.err()).toContain('interrupted; everything the demo had started was ended');
  expect(processesNaming(home)).toEqual([]);
}, 120_000);

test('its reader gone, it ends all it started', async () => {
  const home = join(folder(), 'home');
  const demo = cli(['demo', '--home', home], tempFolder());
  await demo.shows('first training');
  demo.child.stdout!.destroy();
  expect(await demo.ended).toBe(1);
  expect(processesNaming(home)).toEqual([]);
}, 120_000);

test('a folder that is in use is not taken for a home', async () => {
  const home = folder();
  mkdirSync(join(home, 'precious'));
  const { code, err } = await run(['demo', '--home', home], home);
  expect(code).toBe(2);
  expect(err).toContain('is not empty');
  expect(readdirSync(home)).toEqual(['precious']);
});

test('neither the owner’s settings nor his home reach the daemons of a demo', () => {
  const env = markedEnv({ PATH: '/bin', NIGHTWARDEN_HOME: '/h', nightwarden_http__port: '1' }, 'm');
  expect(env).toEqual({ PATH: '/bin', NW_DEMO_RUN: 'm' });
});
