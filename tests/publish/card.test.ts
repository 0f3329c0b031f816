import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { Work } from './work.js';

let work: Work;
beforeEach(async () => {
  work = await Work.begin();
});
afterEach(() => work.end());

async function card(over: Parameters<Work['publish']>[0] = {}) {
  expect(await work.publish(over)).toMatchObject({ is: 'done' });
  const text = work.repo.files.get('README.md')?.content.toString() ?? '';
  const [, front = '', body = ''] = /^---\n([\s\S]*?)---\n([\s\S]*)$/.exec(text) ?? [];
  return { front: parse(front) as Record<string, unknown>, body };
}

test("front matter with FluxGym's keys, prompts from sample_prompts.txt", async () => {
  const { front, body } = await card();
  expect(front).toEqual({
    tags: ['text-to-image', 'flux', 'lora', 'diffusers', 'template:sd-lora', 'nightwarden'],
    widget: [
      { output: { url: 'sample/lora_000040_00_20260101000000.png' }, text: 'a cat, p3rson' },
      { output: { url: 'sample/lora_000040_01_20260101000000.png' }, text: 'a dog, p3rson' },
    ],
    base_model: 'black-forest-labs/FLUX.1-dev',
    instance_prompt: 'p3rson',
    license: 'other',
    license_name: 'flux-1-dev-non-commercial-license',
    license_link: 'https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md',
  });
  expect(body).toContain('<Gallery />');
  expect(body).toContain('You should use `p3rson` to trigger');
});

test('how the night went, in numbers, and nothing that a trainer printed', async () => {
  const { body } = await card();
  expect(body).toContain('| Steps | 100 of 100 |');
  expect(body).toContain('| Attempts | 2 (after crash 1) |');
  expect(body).toContain('attempt 1: crash');
  expect(body).not.toContain('SIGKILL');
});

test('what the job says goes before what is known of the base model', async () => {
  const { front } = await card({
    base_model: 'me/base',
    license: 'mit',
    tags: ['mine', 'lora'],
    samples: 'nothing/*.png',
    instance_prompt: null,
  });
  expect(front).toEqual({
    tags: ['text-to-image', 'lora', 'diffusers', 'template:sd-lora', 'nightwarden', 'mine'],
    base_model: 'me/base',
    license: 'mit',
  });
});
