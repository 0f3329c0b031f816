import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { lora } from '../deliver/lora.js';
import { UploadHub } from '../hub/upload.js';
import { sha256 } from '../hub/upload-repos.js';
import { CLI, House, until } from './house.js';

const TOKEN = 'hf_canaryPublishAAAAAAAAAAAA';
const JOB = `name: lora
command: [cp, made.safetensors, out/final.safetensors]
cwd: work
done: { artefact: out/final.safetensors }
publish: { repo: me/lora, instance_prompt: p3rson }
`;

let house: House;
let hub: UploadHub;
beforeEach(async () => {
  hub = await UploadHub.start({ chunk: 150 });
  hub.accounts.set(TOKEN, { name: 'me', role: 'write' });
  house = new House();
  mkdirSync(house.path('work/out'), { recursive: true });
  writeFileSync(house.path('work/made.safetensors'), lora(1));
  house.write('work/out/sample/a.png', 'a picture');
  writeFileSync(house.path('HF_TOKEN'), `${TOKEN}\n`, { mode: 0o600 });
  Object.assign(house.env, { HF_ENDPOINT: hub.url, HOME: house.home });
});
afterEach(async () => {
  await house.demolish();
  await hub.close();
});

const published = (state: string) =>
  house.job('lora', `a publishing that is ${state}`, ({ tasks }) => tasks[0]?.state === state);

async function cli(...args: string[]): Promise<{ code: number; out: string }> {
  const env = { ...process.env, NIGHTWARDEN_HOME: house.home };
  return await promisify(execFile)(process.execPath, [CLI, ...args], { env }).then(
    ({ stdout }) => ({ code: 0, out: stdout }),
    (error: { code: number; stdout: string }) => ({ code: error.code, out: error.stdout }),
  );
}

const texts = (folder: string): string =>
  readdirSync(house.path(folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');

test('kill -9 in the middle of the upload: the next daemon sends what is missing, one commit', async () => {
  hub.faults.plan(/^PUT \/lfs\/\w+\/3$/, { is: 'hang' });
  await house.up();
  await house.queue('lora', JOB);
  await house.job('lora', 'the finish', ({ state }) => state === 'finished');
  await until('an upload under way', () => hub.faults.left === 0 && hub.lfs.objects.size === 1);
  house.daemons[0]?.kill('SIGKILL');
  await until('its end', () => house.daemons[0]?.signalCode === 'SIGKILL');
  await house.up();
  const job = await published('done');
  expect(job).toMatchObject({ state: 'finished', tasks: [{ tries: 1 }] });
  const repo = hub.repos.get('me/lora');
  expect(repo?.private).toBe(true);
  expect(repo?.commits).toHaveLength(2);
  expect(repo?.files.get('lora.safetensors')?.lfs?.oid).toBe(sha256(lora(1)));
  // The sample was stored by the daemon that was killed: only the LoRA's three parts go again.
  expect(hub.requests(/^PUT \/lfs\/\w+$/)).toHaveLength(1);
  // Used all along, and written nowhere.
  expect(hub.requests(/whoami/).at(-1)?.authorization).toBe(`Bearer ${TOKEN}`);
  expect(texts('state') + texts('logs') + JSON.stringify(job)).not.toContain(TOKEN);
});

test('a token that may only read: told, the training stays finished; by command with another', async () => {
  hub.accounts.set(TOKEN, { name: 'me', role: 'read' });
  await house.up();
  await house.queue('lora', JOB);
  const job = await published('failed');
  expect(job).toMatchObject({ state: 'finished', reason: null, incidents: [] });
  expect(job.tasks[0]?.reason).toContain('may only read');
  const refused = await cli('publish', 'lora');
  expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('may only read') });
  hub.accounts.set(TOKEN, { name: 'me', role: 'write' });
  const done = await cli('publish', 'lora', 'me/other', '--public', '--json');
  expect(done.code).toBe(0);
  expect(JSON.parse(done.out)).toMatchObject({ task: 'publish', state: 'done' });
  expect(hub.repos.get('me/other')?.private).toBe(false);
  expect(hub.repos.has('me/lora')).toBe(false);
});

/** Two steps, a LoRA saved after each; the second waits until the first was seen. */
const SAVING = `name: lora
command:
  - sh
  - -c
  - |
    echo "step 1/2 loss=0.125"; cp one.safetensors out/lora-1.safetensors
    until [ -e go ]; do sleep 0.02; done
    echo "step 2/2 loss=0.5"; cp made.safetensors out/final.safetensors
cwd: work
heartbeat: log
log: { step: 'step (\\d+)/(\\d+)', loss: 'loss=(\\S+)' }
checkpoints: { glob: 'out/lora-*.safetensors', step: 'lora-(\\d+)' }
done: { step: 2, artefact: out/final.safetensors }
publish: { repo: me/lora, lora: best }
`;

test('the best by the losses in the journal; by command another, by its name or the final one', async () => {
  writeFileSync(house.path('work/one.safetensors'), lora(7));
  await house.up();
  await house.queue('lora', SAVING);
  await house.job('lora', 'its first step', ({ step }) => step === 1);
  house.write('work/go', '');
  const job = await published('done');
  expect(job.tasks[0]?.note).toContain('This is `lora-1.safetensors`');
  const repo = hub.repos.get('me/lora');
  const there = () => repo?.files.get('lora.safetensors')?.lfs?.oid;
  const card = () => repo?.files.get('README.md')?.content.toString();
  expect(there()).toBe(sha256(lora(7)));
  expect(card()).toContain('of the 2 saved LoRAs the one with the lowest mean loss, 0.125');
  expect((await cli('publish', 'lora', '--lora', 'final')).code).toBe(0);
  expect(there()).toBe(sha256(lora(1)));
  const refused = await cli('publish', 'lora', '--lora', 'out/lora-9.safetensors');
  expect(refused.code).toBe(1);
  expect(refused.out).toContain('out/final.safetensors, out/lora-1.safetensors');
  const named = await cli('publish', 'lora', '--lora', 'out/lora-1.safetensors');
  expect(named).toMatchObject({ code: 0, out: expect.stringContaining('chosen by its name') });
  expect(there()).toBe(sha256(lora(7)));
  expect((await cli('publish', 'lora', '--lora', 'bset')).code).not.toBe(0);
});
