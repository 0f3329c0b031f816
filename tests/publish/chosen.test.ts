import { utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { lora } from '../deliver/lora.js';
import { sha256 } from '../hub/upload-repos.js';
import { Work } from './work.js';

let work: Work;
beforeEach(async () => {
  work = await Work.begin();
  // Lowest up to step 4, then worse again.
  work.train([4, 4, 1, 1, 2, 2]);
  work.write('out/lora-000002.safetensors', lora(12));
  work.write('out/lora-000004.safetensors', lora(14));
});
afterEach(() => work.end());

const there = () => work.repo.files.get('lora.safetensors')?.lfs?.oid;
const card = () => work.repo.files.get('README.md')?.content.toString();

describe('best', () => {
  test('the bytes of the one with the lowest loss, under the name of the job; told in the card', async () => {
    expect(await work.publish({ lora: 'best' })).toMatchObject({ is: 'done' });
    expect(there()).toBe(sha256(lora(14)));
    expect(card()).toContain(
      'This is `lora-000004.safetensors`: of the 3 saved LoRAs the one with the lowest mean loss, 1.00 (steps 3-4); loss',
    );
    expect(work.warnings).toEqual([]);
    // The samples and their words stay those of the job.
    expect([...work.repo.files.keys()].filter((path) => path.startsWith('sample/'))).toHaveLength(
      2,
    );
    expect(card()).toContain('text: a cat, p3rson');
  });

  test('broken off and begun again: the same one, only what is missing, one commit', async () => {
    work.hub.faults.plan(/^PUT \/lfs\/\w+\/2$/, { is: 'cut', after: 10 }, 4);
    expect(await work.publish({ lora: 'best' })).toMatchObject({ is: 'failed', permanent: false });
    expect(await work.publish({ lora: 'best' })).toMatchObject({ is: 'done' });
    const places = [`${work.hub.url}/me/lora`];
    const note = expect.stringContaining('This is `lora-000004.safetensors`');
    expect(await work.publish({ lora: 'best' })).toEqual({ is: 'done', places, note });
    expect(work.repo.commits).toHaveLength(2);
    expect(there()).toBe(sha256(lora(14)));
  });

  test('the final one may be it', async () => {
    work.train([4, 4, 2, 2, 1, 1]);
    await work.publish({ lora: 'best' });
    expect(there()).toBe(sha256(lora(1)));
    expect(card()).toContain('This is `lora.safetensors`: of the 3 saved LoRAs');
  });

  test('a torn one is not considered, and that is told', async () => {
    work.write('out/lora-000004.safetensors', lora(14).subarray(0, 200));
    work.train([2, 2, 1, 1, 4, 4]);
    await work.publish({ lora: 'best' });
    expect(there()).toBe(sha256(lora(12)));
    expect(work.warnings).toEqual([
      expect.stringContaining('lora-000004.safetensors is not whole'),
    ]);
  });

  test('one of an earlier run is not this one', async () => {
    utimesSync(join(work.root, 'out/lora-000004.safetensors'), 1, 1);
    work.train([2, 2, 1, 1, 4, 4]);
    await work.publish({ lora: 'best' });
    expect(there()).toBe(sha256(lora(12)));
  });

  test.each([
    [
      'no loss was told',
      () => work.train([null, null, null, null, null, null]),
      'no loss is known',
    ],
    ['none is left', () => (work.saves = { glob: 'gone/*', step: '(\\d+)' }), 'no other is there'],
    ['nothing is known of saves', () => (work.saves = null), 'no other is there'],
  ])('%s: the final one, told in the card and the report', async (_, prepare, words) => {
    prepare();
    const note = expect.stringContaining(words);
    expect(await work.publish({ lora: 'best' })).toMatchObject({ is: 'done', note });
    expect(there()).toBe(sha256(lora(1)));
    expect(card()).toContain('This is the final LoRA');
    expect(card()).toContain(words);
  });
});

describe('one by its path', () => {
  test('goes up, and is named in the card', async () => {
    await work.publish({ lora: 'out/lora-000002.safetensors' });
    expect(there()).toBe(sha256(lora(12)));
    expect(card()).toContain('This is `lora-000002.safetensors`, chosen by its name.');
  });

  test('one that is not there, and one of somebody else: what was looked for and what there is', async () => {
    work.write('elsewhere/other.safetensors', lora(9));
    for (const path of ['out/lora-000003.safetensors', 'elsewhere/other.safetensors']) {
      expect(await work.publish({ lora: path })).toMatchObject({
        is: 'failed',
        permanent: true,
        reason: `${join(work.root, path)} is none of the LoRA files that lora has saved`,
        remedy:
          'Name one of these: out/lora-000002.safetensors, out/lora-000004.safetensors, out/lora.safetensors.',
      });
    }
    expect(work.hub.requests(/^PUT |create|commit/)).toEqual([]);
  });

  test('one that is not whole is refused', async () => {
    work.write('out/lora-000002.safetensors', lora(12).subarray(0, 200));
    expect(await work.publish({ lora: 'out/lora-000002.safetensors' })).toMatchObject({
      is: 'failed',
      permanent: true,
      reason: expect.stringContaining('lora-000002.safetensors is not whole'),
    });
    expect(work.hub.requests(/^PUT |create|commit/)).toEqual([]);
  });
});
