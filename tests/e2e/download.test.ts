import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bytes, commit, type Hub, makeRepo, noise, startHub, whole } from '../hub/index.js';
import { processesWith } from './census.js';
import { CLI, House, until } from './house.js';

// Real daemons that download from a loopback Hub, killed on the way.

const SIZE = 40 * 2 ** 20 + 99;
const CONTENT = noise(SIZE);
let hub: Hub;
let house: House;
const before = { ...process.env };

beforeEach(async () => {
  hub = await startHub();
  const repo = makeRepo('me/model');
  hub.repos.set(repo.id, repo);
  commit(repo, { 'm.safetensors': CONTENT, 'config.json': bytes('{}') });
  house = new House('download: { connections: 4 }');
  house.write('models.yaml', 'm: { repo: me/model, files: [m.safetensors, config.json] }\n');
  process.env['HF_ENDPOINT'] = hub.url;
  process.env['HF_HOME'] = house.path('hf');
});
afterEach(async () => {
  process.env = { ...before };
  await house.demolish();
  await hub.close();
});

const JOB = `name: j
models: [m]
command: [sh, -c, 'cmp models/m/config.json expected && echo "step 1/1" > out']
cwd: ${'HOME'}
done: { artefact: out }
`;
const job = (): string => {
  house.write('expected', '{}');
  return JOB.replace('HOME', house.home);
};
const arrivedWhole = (): boolean =>
  readFileSync(house.path('models/m/m.safetensors')).equals(whole(CONTENT));

test('a job with models is downloading until they are there, and then trains', async () => {
  await house.up();
  hub.cdn.rate = 10 * 2 ** 20;
  await house.queue('j', job());
  await house.job('j', 'downloading', ({ state }) => state === 'downloading');
  hub.cdn.rate = null;
  const done = await house.job('j', 'the end', ({ state }) =>
    ['finished', 'failed'].includes(state),
  );
  expect(done).toMatchObject({ state: 'finished', attempt: 1 });
  expect(arrivedWhole()).toBe(true);
  const metrics = await (await fetch(`${house.url()}/metrics`)).text();
  expect(metrics).toContain(`nightwarden_download_bytes_total{model="m"} ${SIZE + 2}`);
  expect(metrics).toContain(`nightwarden_download_size_bytes{model="m"} ${SIZE + 2}`);
});

test('the daemon killed in mid-download: the next one goes on with what is there', async () => {
  const first = await house.up();
  hub.cdn.rate = 5 * 2 ** 20;
  await house.queue('j', job());
  await hub.cdn.sentAtLeast(20 * 2 ** 20);
  first.kill('SIGKILL');
  await until('the first daemon gone', () => first.signalCode !== null);
  await house.up();
  hub.cdn.rate = null;
  const done = await house.job('j', 'the end', ({ state }) =>
    ['finished', 'failed'].includes(state),
  );
  expect(done.state).toBe('finished');
  expect(hub.cdn.total).toBeLessThan(SIZE + 4 * 8 * 2 ** 20);
});

test('a model that is refused fails the job, with the reason and what to do', async () => {
  house.write('models.yaml', 'm: { repo: me/nothing, file: a.bin }\n');
  await house.up();
  await house.queue('j', job());
  const failed = await house.job('j', 'the failure', ({ state }) => state === 'failed');
  expect(failed.reason).toContain('me/nothing) does not exist, or it is private');
  expect(failed.remedy).toContain('HF_TOKEN');
  expect(failed.attempt).toBe(0);
});

test('a job stopped while it downloads leaves the machine to the next', async () => {
  await house.up();
  hub.cdn.rate = 2 ** 20;
  await house.queue('j', job());
  await hub.cdn.sentAtLeast(2 ** 20);
  expect(await house.post('/api/jobs/j/stop')).toBe(200);
  await house.job('j', 'stopped', ({ state }) => state === 'stopped');
  await house.queue('k', `name: k\ncommand: [sh, -c, 'true > k']\ncwd: ${house.home}\n`);
  await house.job('k', 'the end', ({ state }) => state === 'finished' || state === 'failed');
});

test('an unknown model is refused when the job is queued', async () => {
  await house.up();
  await expect(house.queue('j', job().replace('[m]', '[n]'))).rejects.toThrow(
    /there is no model named n/,
  );
});

test('a download of its own survives the daemon that was asked for it', async () => {
  const first = await house.up();
  hub.cdn.rate = 5 * 2 ** 20;
  const ask = await fetch(`${house.url()}/api/downloads`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ models: ['m'] }),
  });
  expect(ask.status).toBe(201);
  await hub.cdn.sentAtLeast(12 * 2 ** 20);
  first.kill('SIGKILL');
  await until('the first daemon gone', () => first.signalCode !== null);
  hub.cdn.rate = null;
  await house.up();
  const view = await until('the download over', async () => {
    const answer = await (await fetch(`${house.url()}/api/downloads`)).json();
    const [one] = (answer as { downloads: { state: string }[] }).downloads;
    return one !== undefined && one.state !== 'running' ? one : null;
  });
  expect(view).toMatchObject({ state: 'finished', models: ['m'] });
  expect(readFileSync(house.path('models/m/m.safetensors')).equals(whole(CONTENT))).toBe(true);
});

test('the command hands over to the daemon, follows it, and comes back with its outcome', async () => {
  await house.up();
  const env = { ...process.env, NIGHTWARDEN_HOME: house.home };
  const child = spawn(process.execPath, [CLI, 'download', 'm', '--json'], { env });
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.resume();
  const [code] = (await once(child, 'close')) as [number];
  expect(code).toBe(0);
  const { files, fetched_bytes } = JSON.parse(out) as { files: unknown[]; fetched_bytes: number };
  expect(fetched_bytes).toBe(SIZE + 2);
  expect(files).toEqual([
    expect.objectContaining({ file: 'm/m.safetensors', how: 'downloaded', bytes: SIZE }),
    expect.objectContaining({ file: 'm/config.json', how: 'downloaded', bytes: 2 }),
  ]);
  expect(arrivedWhole()).toBe(true);
});

test('a canary token stands nowhere but in its own file', async () => {
  const canary = 'hf_canarycanarycanary0123456789';
  delete process.env['HF_TOKEN'];
  house.write('HF_TOKEN', canary);
  hub.tokens.set(canary, { user: 'me', role: 'read' });
  const repo = makeRepo('me/private', { private: true, readers: ['me'] });
  hub.repos.set(repo.id, repo);
  commit(repo, { 'm.safetensors': CONTENT, 'config.json': bytes('{}') });
  house.write('models.yaml', 'm: { repo: me/private, files: [m.safetensors, config.json] }\n');
  await house.up();
  hub.cdn.rate = 4 * 2 ** 20;
  await house.queue('j', job());
  await hub.cdn.sentAtLeast(2 ** 20);
  // While it downloads: no process has it among its arguments.
  expect(processesWith([canary])).toEqual([]);
  hub.cdn.rate = null;
  await house.job('j', 'the end', ({ state }) => state === 'finished');
  const pages = await Promise.all(
    ['/metrics', '/api/status', '/api/downloads'].map(async (path) =>
      (await fetch(house.url() + path)).text(),
    ),
  );
  expect(pages.join()).not.toContain(canary);
  const holding = readdirSync(house.home, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(canary));
  expect(holding).toEqual([house.path('HF_TOKEN')]);
});
