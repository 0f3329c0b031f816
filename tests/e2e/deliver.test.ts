import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lora } from '../deliver/lora.js';
import { CLI, House, until } from './house.js';

let house: House;
beforeEach(() => {
  house = new House();
  house.env['HOME'] = house.path('home');
  mkdirSync(house.path('home'));
  mkdirSync(house.path('work/out'), { recursive: true });
});
afterEach(() => house.demolish());

const job = (deliver: string): string => `name: lora
command: [cp, made.safetensors, out/final.safetensors]
cwd: work
done: { artefact: out/final.safetensors }
deliver: ${deliver}
`;

async function trained(deliver: string): Promise<void> {
  writeFileSync(house.path('work/made.safetensors'), lora(1));
  await house.up();
  await house.queue('lora', job(deliver));
  await house.job('lora', 'the finish', ({ state }) => state === 'finished');
}

const delivered = (state: string) =>
  house.job('lora', `a delivery that is ${state}`, ({ tasks }) => tasks[0]?.state === state);

async function cli(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, ...house.env, NIGHTWARDEN_HOME: house.home };
  return await promisify(execFile)(process.execPath, [CLI, ...args], { env }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { code: number; stdout: string; stderr: string }) => ({
      code: error.code,
      out: error.stdout,
      err: error.stderr,
    }),
  );
}

test('after the training, into the tools found under the home; then by command elsewhere', async () => {
  house.write('home/ComfyUI/folder_paths.py', '');
  mkdirSync(house.path('home/ComfyUI/models/loras'), { recursive: true });
  await trained('[auto]');
  const there = house.path('home/ComfyUI/models/loras/lora.safetensors');
  const done = await delivered('done');
  expect(done).toMatchObject({ state: 'finished', tasks: [{ places: [there], tries: 1 }] });
  expect(readFileSync(there)).toEqual(readFileSync(house.path('work/out/final.safetensors')));

  mkdirSync(house.path('elsewhere'));
  const asked = await cli('deliver', 'lora', house.path('elsewhere'), '--json');
  expect(JSON.parse(asked.out)).toMatchObject({
    state: 'done',
    places: [house.path('elsewhere/lora.safetensors')],
  });
  expect(asked.code).toBe(0);

  house.write('elsewhere/lora.safetensors', 'mine');
  const refused = await cli('deliver', 'lora', house.path('elsewhere'));
  expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('is another file') });
  expect(house.read('elsewhere/lora.safetensors')).toBe('mine');
  expect((await house.status()).jobs[0]).toMatchObject({ state: 'finished', incidents: [] });
});

test('a volume that is not there yet is waited for, across a kill -9 of the daemon', async () => {
  await trained('[volume/loras]');
  const waiting = await delivered('waiting');
  expect(waiting).toMatchObject({ state: 'finished', reason: null });
  expect(waiting.tasks[0]?.reason).toContain('there is no folder');
  const first = house.daemons[0];
  first?.kill('SIGKILL');
  await until('its end', () => first?.signalCode === 'SIGKILL');
  mkdirSync(house.path('volume'));
  await house.up();
  await delivered('done');
  expect(existsSync(house.path('volume/loras/lora.safetensors'))).toBe(true);
});

test('one asked for twice, of an unknown job, or of one without an artefact is refused', async () => {
  await trained('[]');
  expect(await house.post('/api/jobs/nobody/deliver')).toBe(404);
  const bad = await fetch(`${house.url()}/api/jobs/lora/deliver`, {
    method: 'POST',
    body: JSON.stringify({ to: ['relative'] }),
  });
  expect(bad.status).toBe(400);
  await expect(
    house.queue('other', 'name: other\ncommand: [true]\ndeliver: [auto]\n'),
  ).rejects.toThrow('done.artefact');
  expect(await cli('deliver', 'nobody')).toMatchObject({ code: 2 });
  // A slip of the fingers is told at once, though the daemon would go on for an hour.
  expect(await cli('deliver', 'lora', house.path('no/such/folder'))).toMatchObject({
    code: 1,
    out: expect.stringContaining('there is no folder'),
    err: expect.stringContaining('The daemon goes on trying'),
  });
});
