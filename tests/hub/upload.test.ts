import { randomBytes } from 'node:crypto';
import { createRepo, listFiles, pathsInfo, uploadFiles, whoAmI } from '@huggingface/hub';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { UploadHub } from './upload.js';
import { gitBlob, sha256 } from './upload-repos.js';

const WRITE = 'hf_writewritewritewrite';
const READ = 'hf_readreadreadread';
const repo = 'me/lora';

let hub: UploadHub;
beforeEach(async () => {
  hub = await UploadHub.start({ chunk: 1000 });
  hub.accounts.set(WRITE, { name: 'me', role: 'write', orgs: ['club'] });
  hub.accounts.set(READ, { name: 'me', role: 'read' });
});
afterEach(() => hub.close());

const small = Buffer.from('# A card\n');
const image = randomBytes(900);
const weights = randomBytes(2500);
const upload = (accessToken = WRITE) =>
  uploadFiles({
    repo,
    hubUrl: hub.url,
    accessToken,
    commitTitle: 'all of it',
    files: [
      { path: 'README.md', content: new Blob([small]) },
      { path: 'a.png', content: new Blob([image]) },
      { path: 'lora.safetensors', content: new Blob([weights]) },
    ],
  });

describe("the Hub's own client against the loopback Hub", () => {
  test('who a token belongs to, and what it may do', async () => {
    const who = await whoAmI({ hubUrl: hub.url, accessToken: READ });
    expect(who).toMatchObject({ name: 'me', auth: { accessToken: { role: 'read' } } });
    await expect(whoAmI({ hubUrl: hub.url, accessToken: 'hf_nobody' })).rejects.toMatchObject({
      statusCode: 401,
    });
  });

  test('a repository is made once, by those who may', async () => {
    const make = (accessToken: string, name = repo) =>
      createRepo({ repo: name, hubUrl: hub.url, accessToken, visibility: 'private' });
    await expect(make(READ)).rejects.toMatchObject({ statusCode: 403 });
    await expect(make(WRITE, 'others/lora')).rejects.toMatchObject({ statusCode: 403 });
    await make(WRITE, 'club/lora');
    await make(WRITE);
    await expect(make(WRITE)).rejects.toMatchObject({ statusCode: 409 });
    expect(hub.repos.get(repo)?.private).toBe(true);
  });

  test('uploads small, whole and in parts, one commit, and what is there afterwards', async () => {
    await createRepo({ repo, hubUrl: hub.url, accessToken: WRITE });
    await upload();
    expect(hub.repos.get(repo)?.commits.at(-1)).toMatchObject({
      title: 'all of it',
      paths: ['README.md', 'a.png', 'lora.safetensors'],
    });
    expect(hub.requests(/^PUT \/lfs\/\w+\/\d+$/)).toHaveLength(3);
    expect(hub.requests(/^PUT /).every(({ authorization }) => authorization === null)).toBe(true);
    const paths = ['README.md', 'lora.safetensors', 'nothing'];
    const found = await pathsInfo({ repo, hubUrl: hub.url, accessToken: WRITE, paths });
    expect(found).toMatchObject([
      { path: 'README.md', oid: gitBlob(small) },
      { path: 'lora.safetensors', size: 2500, lfs: { oid: sha256(weights) } },
    ]);
    const all: string[] = [];
    for await (const { path } of listFiles({ repo, hubUrl: hub.url, accessToken: WRITE }))
      all.push(path);
    expect(all).toEqual(['README.md', 'a.png', 'lora.safetensors']);
    // What is stored is not asked for again.
    await upload();
    expect(hub.requests(/^PUT /)).toHaveLength(4);
  });

  test('a read token, an upload cut in the middle, a planned answer', async () => {
    await createRepo({ repo, hubUrl: hub.url, accessToken: WRITE });
    await expect(upload(READ)).rejects.toMatchObject({ statusCode: 403 });
    hub.faults.plan(/^PUT \/lfs\/\w+\/2$/, { is: 'cut', after: 10 });
    await expect(upload()).rejects.toThrow('fetch failed');
    const window = { RateLimit: '"api";r=0;t=7' };
    hub.faults.plan(/commit/, { is: 'answer', status: 429, headers: window });
    await expect(upload()).rejects.toMatchObject({ statusCode: 429 });
    expect(hub.repos.get(repo)?.commits).toHaveLength(1);
    hub.faults.plan(/commit/, { is: 'swallow' });
    await expect(upload()).rejects.toThrow('fetch failed');
    expect(hub.repos.get(repo)?.commits).toHaveLength(2);
    expect(hub.faults.left).toBe(0);
  });
});
