import { createHash } from 'node:crypto';
import { downloadFile, listFiles, modelInfo, pathsInfo, whoAmI } from '@huggingface/hub';
import { afterEach, expect, test } from '@jest/globals';
import {
  bytes,
  commit,
  type Hub,
  makeRepo,
  noise,
  sha256,
  startHub,
  Window,
  whole,
} from './index.js';

// The real client library against the loopback Hub: what it gets here it gets from the real one.

const SIZE = 3_000_001;
let hub: Hub;
afterEach(() => hub.close());

async function withModel() {
  hub = await startHub();
  const repo = makeRepo('me/model');
  hub.repos.set(repo.id, repo);
  const made = commit(repo, { 'unet/model.safetensors': noise(SIZE), 'config.json': bytes('{}') });
  return { repo, made, hubUrl: hub.url };
}

test('facts: commit, size and sha256', async () => {
  const { made, hubUrl } = await withModel();
  const info = await modelInfo({ name: 'me/model', hubUrl, additionalFields: ['sha'] });
  expect(info).toMatchObject({ sha: made.oid, gated: false, private: false });
  const [file] = await pathsInfo({
    repo: 'me/model',
    hubUrl,
    revision: made.oid,
    paths: ['unet/model.safetensors'],
  });
  expect(file).toMatchObject({ size: SIZE, lfs: { oid: sha256(noise(SIZE)) } });
});

test('a tree of several pages is listed whole', async () => {
  const { hubUrl } = await withModel();
  hub.pageSize = 1;
  const paths: string[] = [];
  for await (const { path } of listFiles({ repo: 'me/model', hubUrl, recursive: true }))
    paths.push(path);
  expect(paths.sort()).toEqual(['config.json', 'unet/model.safetensors']);
});

test('a file arrives whole, over the redirect, without the token reaching the other origin', async () => {
  const { hubUrl } = await withModel();
  hub.tokens.set('hf_one', { user: 'me', role: 'read' });
  const blob = await downloadFile({
    repo: 'me/model',
    path: 'unet/model.safetensors',
    hubUrl,
    accessToken: 'hf_one',
  });
  const got = Buffer.from(await blob!.arrayBuffer());
  expect(createHash('sha256').update(got).digest('hex')).toBe(sha256(noise(SIZE)));
  expect(hub.cdn.requests).toBeGreaterThan(0);
});

test('the token is known by its user and role', async () => {
  const { hubUrl } = await withModel();
  hub.tokens.set('hf_one', { user: 'me', role: 'read' });
  expect(await whoAmI({ accessToken: 'hf_one', hubUrl })).toMatchObject({
    name: 'me',
    auth: { accessToken: { role: 'read' } },
  });
});

test.each([
  ['a private repo', 'me/secret', 401],
  ['a missing repo', 'me/nothing', 401],
])('%s is refused to strangers', async (_, name, statusCode) => {
  const { hubUrl } = await withModel();
  hub.repos.set('me/secret', makeRepo('me/secret', { private: true, readers: ['me'] }));
  await expect(modelInfo({ name, hubUrl })).rejects.toMatchObject({ statusCode });
});

test('a gated repo tells its facts, and keeps its files from those who have not accepted', async () => {
  const { hubUrl } = await withModel();
  const repo = makeRepo('big/gated', { gated: 'auto', readers: ['me'] });
  hub.repos.set(repo.id, repo);
  commit(repo, { 'a.safetensors': noise(10) });
  hub.tokens.set('hf_me', { user: 'me', role: 'read' });
  hub.tokens.set('hf_you', { user: 'you', role: 'read' });
  const get = (accessToken?: string) =>
    downloadFile({
      repo: 'big/gated',
      path: 'a.safetensors',
      hubUrl,
      ...(accessToken ? { accessToken } : {}),
    });
  expect(await modelInfo({ name: 'big/gated', hubUrl })).toMatchObject({ gated: 'auto' });
  await expect(get()).rejects.toMatchObject({ statusCode: 401 });
  await expect(get('hf_you')).rejects.toMatchObject({ statusCode: 403 });
  const refusal = await fetch(`${hubUrl}/big/gated/resolve/main/a.safetensors`);
  expect(refusal.headers.get('x-error-code')).toBe('GatedRepo');
  expect(Buffer.from(await (await get('hf_me'))!.arrayBuffer())).toEqual(whole(noise(10)));
});

test('an unknown token is refused even where none is needed', async () => {
  const { hubUrl } = await withModel();
  await expect(modelInfo({ name: 'me/model', hubUrl, accessToken: 'hf_bad' })).rejects.toThrow(
    'Invalid credentials in Authorization header',
  );
});

test('beyond its window the Hub says when to come back', async () => {
  const { hubUrl } = await withModel();
  hub.window = new Window({ requests: 1, seconds: 60 });
  const ask = () => fetch(`${hubUrl}/api/models/me/model/revision/main`);
  expect((await ask()).status).toBe(200);
  const refused = await ask();
  expect(refused.status).toBe(429);
  expect(refused.headers.get('ratelimit')).toMatch(/^"api";r=0;t=(60|59)$/);
});

test('ranges: the part asked for, none beyond the end, an expired address refused', async () => {
  const { hubUrl } = await withModel();
  const at = `${hubUrl}/me/model/resolve/main/unet/model.safetensors`;
  const { headers } = await fetch(at, { redirect: 'manual' });
  const address = headers.get('location')!;
  expect(new URL(address).origin).not.toBe(hubUrl);
  const part = await fetch(address, { headers: { range: 'bytes=10-19' } });
  expect(part.status).toBe(206);
  expect(part.headers.get('content-range')).toBe(`bytes 10-19/${SIZE}`);
  expect(Buffer.from(await part.arrayBuffer())).toEqual(whole(noise(SIZE)).subarray(10, 20));
  expect((await fetch(address, { headers: { range: `bytes=${SIZE}-` } })).status).toBe(416);
  hub.cdn.expire();
  expect((await fetch(address)).status).toBe(403);
});

test.each([
  [{ is: 'cut', after: 1000 } as const, 'rejects'],
  [{ is: 'short', after: 1000 } as const, 1000],
  [{ is: 'whole' } as const, SIZE],
])('the fault %j is what arrives', async (fault, arrives) => {
  const { hubUrl } = await withModel();
  hub.cdn.faults = () => fault;
  const answer = await fetch(`${hubUrl}/me/model/resolve/main/unet/model.safetensors`, {
    headers: { range: 'bytes=0-1999999' },
  });
  const body = answer.arrayBuffer();
  if (arrives === 'rejects') await expect(body).rejects.toThrow();
  else expect((await body).byteLength).toBe(arrives);
});
