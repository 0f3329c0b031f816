import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lora } from '../deliver/lora.js';
import { newRepo, regularFile, sha256 } from '../hub/upload-repos.js';
import { Work, WRITE } from './work.js';

let work: Work;
beforeEach(async () => {
  work = await Work.begin();
});
afterEach(() => work.end());

const FIRST = 'sample/lora_000040_00_20260101000000.png';
const SECOND = 'sample/lora_000040_01_20260101000000.png';
const failed = (over: object = {}) => ({ is: 'failed', ...over });
const saying = (text: string, over: object = {}) =>
  failed({ reason: expect.stringContaining(text), ...over });
/** Requests that change something. */
const deeds = () => work.hub.requests(/^(POST|PUT) (?!\/api\/models\/me\/lora\/paths-info)/);

test('the LoRA, its samples and its card in one commit of a private repository', async () => {
  const outcome = await work.publish();
  const [, made] = work.repo.commits;
  const url = `${work.hub.url}/me/lora`;
  expect(outcome).toEqual({ is: 'done', places: [url, `${url}/commit/${made?.oid}`] });
  expect(work.repo.private).toBe(true);
  expect(work.repo.commits).toHaveLength(2);
  expect(made?.paths.toSorted()).toEqual(['README.md', 'lora.safetensors', FIRST, SECOND]);
  expect(work.repo.files.get('lora.safetensors')?.lfs?.oid).toBe(sha256(lora(1)));
  // To the Hub alone: storage gets signed addresses and no token.
  expect(work.hub.requests(/^PUT /)).toHaveLength(5);
  expect(work.hub.requests(/^PUT /).every(({ authorization }) => authorization === null)).toBe(
    true,
  );
});

test('a second time nothing is sent and no commit is made', async () => {
  await work.publish();
  const before = deeds().length;
  expect(await work.publish()).toEqual({ is: 'done', places: [`${work.hub.url}/me/lora`] });
  expect(work.repo.commits).toHaveLength(2);
  expect(
    deeds()
      .slice(before)
      .map(({ path }) => path),
  ).toEqual(['/api/repos/create']);
});

test('without a repository named: under the name of the owner of the token', async () => {
  expect(await work.publish({ repo: null, private: false })).toMatchObject({ is: 'done' });
  expect(work.repo.private).toBe(false);
});

describe('who may', () => {
  test('a token that may only read is told so before anything is sent', async () => {
    work.hub.accounts.set(WRITE, { name: 'me', role: 'read' });
    expect(await work.publish()).toMatchObject(
      saying('may only read', { permanent: true, remedy: expect.stringContaining('HF_TOKEN') }),
    );
    expect(deeds()).toEqual([]);
  });

  test('a fine-grained one that may write elsewhere, and one that may here', async () => {
    const scoped = (name: string) => [
      { entity: { type: 'user', name }, permissions: ['repo.content.read', 'repo.write'] },
    ];
    work.hub.accounts.set(WRITE, { name: 'me', role: 'fineGrained', scoped: scoped('club') });
    expect(await work.publish()).toMatchObject(saying('fine-grained', { permanent: true }));
    expect(deeds()).toEqual([]);
    work.hub.accounts.set(WRITE, { name: 'me', role: 'fineGrained', scoped: scoped('me') });
    expect(await work.publish()).toMatchObject({ is: 'done' });
  });

  test("somebody else's name", async () => {
    expect(await work.publish({ repo: 'others/lora' })).toMatchObject(
      saying('belongs to me, who cannot publish under others', { permanent: true }),
    );
    expect(deeds()).toEqual([]);
  });

  test('no token, one that is none, one that the Hub does not know', async () => {
    const { HF_TOKEN: _, ...without } = work.env;
    work.env = without;
    expect(await work.publish()).toMatchObject(
      saying('needs a Hub token', {
        permanent: true,
        remedy: expect.stringContaining('file HF_TOKEN'),
      }),
    );
    work.env = { ...without, HF_TOKEN: 'my password' };
    expect(await work.publish()).toMatchObject(saying('no Hub token', { permanent: true }));
    expect(work.hub.seen).toEqual([]);
    work.env = { ...without, HF_TOKEN: 'hf_revokedrevokedrevoked' };
    const outcome = await work.publish();
    expect(outcome).toMatchObject(saying('401', { permanent: true }));
    expect(JSON.stringify(outcome)).not.toContain('revokedrevoked');
  });
});

describe('a repository that is there already', () => {
  test('a private one is used', async () => {
    work.hub.repos.set('me/lora', newRepo('me/lora', true));
    expect(await work.publish()).toMatchObject({ is: 'done' });
  });

  test('a public one never for what is to be private', async () => {
    work.hub.repos.set('me/lora', newRepo('me/lora', false));
    expect(await work.publish()).toMatchObject(saying('is public', { permanent: true }));
    expect(work.hub.requests(/^PUT |commit|preupload/)).toEqual([]);
    expect(await work.publish({ private: false })).toMatchObject({ is: 'done' });
  });

  test('a card that was edited by hand is left, ours is replaced', async () => {
    await work.publish();
    work.write('out/lora.safetensors', lora(2));
    await work.publish({ tags: ['newer'] });
    expect(work.repo.files.get('README.md')?.content.toString()).toContain('- newer');
    const edited = regularFile(Buffer.from('# My own words\n'));
    work.repo.files.set('README.md', edited);
    work.write('out/lora.safetensors', lora(3));
    expect(await work.publish()).toMatchObject({ is: 'done' });
    expect(work.repo.files.get('README.md')).toBe(edited);
    expect(work.repo.files.get('lora.safetensors')?.lfs?.oid).toBe(sha256(lora(3)));
    expect(work.warnings).toEqual([expect.stringContaining('edited by hand')]);
  });
});

describe('what goes wrong on the way', () => {
  test('errors in passing and cut uploads are tried again within the same try', async () => {
    const { faults } = work.hub;
    faults.plan(/whoami/, { is: 'answer', status: 503 });
    faults.plan(/preupload/, {
      is: 'answer',
      status: 429,
      headers: { ratelimit: '"api";r=0;t=7' },
    });
    faults.plan(/^PUT \/lfs\/\w+\/2$/, { is: 'cut', after: 10 }, 3);
    faults.plan(/^PUT \/lfs\/\w+$/, { is: 'answer', status: 500 });
    expect(await work.publish()).toMatchObject({ is: 'done' });
    expect(faults.left).toBe(0);
    expect(work.repo.commits).toHaveLength(2);
    expect(work.waits.filter((ms) => ms >= 7000 && ms <= 7500)).toHaveLength(1);
    expect(work.waits).toHaveLength(6);
  });

  test('a long wait that the Hub asks for is told, and not slept through', async () => {
    const headers = { 'retry-after': '300' };
    work.hub.faults.plan(/preupload/, { is: 'answer', status: 429, headers });
    expect(await work.publish()).toMatchObject(failed({ permanent: false, retry_after: 300 }));
    expect(work.waits).toEqual([]);
  });

  test('an upload that fails for good: the next try sends only what is missing', async () => {
    work.hub.faults.plan(/^PUT \/lfs\/\w+\/2$/, { is: 'cut', after: 10 }, 4);
    expect(await work.publish()).toMatchObject(saying('cannot be reached', { permanent: false }));
    expect(work.hub.faults.left).toBe(0);
    const stored = [...work.hub.lfs.objects.keys()];
    const sent = work.hub.requests(/^PUT /).length;
    expect(await work.publish()).toMatchObject({ is: 'done' });
    // Of two samples and a LoRA in three parts, what is stored is not sent again.
    expect(stored.length).toBeLessThan(3);
    const parts = 3 + (2 - stored.length);
    expect(work.hub.requests(/^PUT /)).toHaveLength(sent + parts);
    expect(work.repo.commits).toHaveLength(2);
  });

  test('a signed address that has expired is no fault of the token', async () => {
    work.hub.faults.plan(/^PUT /, { is: 'answer', status: 403 });
    expect(await work.publish()).toMatchObject(
      saying('storage answered 403', { permanent: false }),
    );
    work.hub.faults.plan(/preupload/, { is: 'answer', status: 403 });
    expect(await work.publish()).toMatchObject(saying('answered 403', { permanent: true }));
    expect(await work.publish()).toMatchObject({ is: 'done' });
  });

  test('a commit whose answer was lost is not made twice', async () => {
    work.hub.faults.plan(/commit/, { is: 'swallow' });
    expect(await work.publish()).toMatchObject(failed({ permanent: false }));
    expect(await work.publish()).toEqual({ is: 'done', places: [`${work.hub.url}/me/lora`] });
    expect(work.repo.commits).toHaveLength(2);
    expect(work.hub.requests(/commit/)).toHaveLength(1);
  });

  test('what the Hub has afterwards is compared with what is here', async () => {
    work.hub.corrupt = /safetensors$/;
    expect(await work.publish()).toMatchObject(
      saying('lora.safetensors is not what is here', { permanent: false }),
    );
    work.hub.corrupt = null;
    expect(await work.publish()).toMatchObject({ is: 'done' });
  });

  test('a Hub that is not there', async () => {
    await work.hub.close();
    expect(await work.publish()).toMatchObject(saying('ECONNREFUSED', { permanent: false }));
  });

  test('an HF_ENDPOINT that is no address', async () => {
    work.env['HF_ENDPOINT'] = 'huggingface.co';
    expect(await work.publish()).toMatchObject(saying('HF_ENDPOINT', { permanent: true }));
  });

  test('of samples with one name the newest, and never more than eight', async () => {
    for (let i = 0; i < 9; i += 1) work.write(`more/${i}.png`, `picture ${i}`);
    work.write('more/old/8.png', 'an older picture');
    utimesSync(join(work.root, 'more/old/8.png'), 1, 1);
    utimesSync(join(work.root, 'more/0.png'), 2, 2);
    await work.publish({ samples: 'more/**/*.png' });
    const sent = [...work.repo.files.keys()].filter((path) => path.startsWith('sample/'));
    expect(sent.toSorted()).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => `sample/${i}.png`));
    expect(work.repo.files.get('sample/8.png')?.content.toString()).toBe('picture 8');
  });

  test('a torn LoRA does not go up', async () => {
    work.write('out/lora.safetensors', lora(1).subarray(0, 200));
    expect(await work.publish()).toMatchObject(saying('is not whole', { permanent: true }));
    expect(deeds()).toEqual([]);
  });

  test('broken off by the end of the daemon, it says nothing of an outcome', async () => {
    work.hub.faults.plan(/^PUT /, { is: 'hang' });
    const ending = new AbortController();
    const publishing = work.publish({}, ending.signal);
    while (work.hub.requests(/^PUT /).length === 0) await new Promise(setImmediate);
    ending.abort(new Error('the daemon ends'));
    await expect(publishing).rejects.toThrow('the daemon ends');
    expect(work.repo.commits).toHaveLength(1);
  });
});
