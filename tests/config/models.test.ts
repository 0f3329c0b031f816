import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { loadModels } from '../../config/index.js';
import { complaints, TestHome } from './home.js';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home.remove());

/** FluxGym's own file, as it is published. */
const FLUXGYM = `flux-dev:
    repo: cocktailpeanut/xulf-dev
    base: black-forest-labs/FLUX.1-dev
    license: other
    license_name: flux-1-dev-non-commercial-license
    license_link: https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md
    file: flux1-dev.sft
flux-schnell:
    repo: black-forest-labs/FLUX.1-schnell
    base: black-forest-labs/FLUX.1-schnell
    license: apache-2.0
    file: flux1-schnell.safetensors
bdsqlsz/flux1-dev2pro-single:
    repo: bdsqlsz/flux1-dev2pro-single
    base: black-forest-labs/FLUX.1-dev
    license: other
    license_name: flux-1-dev-non-commercial-license
    license_link: https://huggingface.co/black-forest-labs/FLUX.1-dev/blob/main/LICENSE.md
    file: flux1-dev2pro.safetensors
`;

const targets = (...names: string[]): string[] =>
  loadModels(home.path)
    .chosen(names)
    .flatMap(({ repo, what }) =>
      what.is === 'files'
        ? what.files.map(({ path, to }) => `${repo} ${path} > ${to}`)
        : [`${repo} ${what.include?.join(' ')} > ${what.folder}`],
    );

const COMPANIONS = [
  'cocktailpeanut/xulf-dev ae.sft > models/vae/ae.sft',
  'comfyanonymous/flux_text_encoders clip_l.safetensors > models/clip/clip_l.safetensors',
  'comfyanonymous/flux_text_encoders t5xxl_fp16.safetensors > models/clip/t5xxl_fp16.safetensors',
  'openai/clip-vit-large-patch14 tokenizer*.json special_tokens_map.json vocab.json merges.txt > models/tokenizers/openai_clip-vit-large-patch14/',
  'google/t5-v1_1-xxl tokenizer*.json special_tokens_map.json spiece.model > models/tokenizers/google_t5-v1_1-xxl/',
];

test.each([
  ["FluxGym's own file", FLUXGYM],
  ['no file at all', null],
])('with %s its models lie where FluxGym has them, their companions beside them', (_, text) => {
  if (text !== null) home.write('models.yaml', text);
  expect(loadModels(home.path).names.slice(0, 3)).toEqual([
    'flux-dev',
    'flux-schnell',
    'bdsqlsz/flux1-dev2pro-single',
  ]);
  expect(targets('flux-dev')).toEqual([
    'cocktailpeanut/xulf-dev flux1-dev.sft > models/unet/flux1-dev.sft',
    ...COMPANIONS,
  ]);
  expect(targets('bdsqlsz/flux1-dev2pro-single')[0]).toBe(
    'bdsqlsz/flux1-dev2pro-single flux1-dev2pro.safetensors > models/unet/bdsqlsz/flux1-dev2pro-single/flux1-dev2pro.safetensors',
  );
});

test('two models share their companions, which are fetched once', () => {
  const repos = loadModels(home.path).chosen(['flux-dev', 'flux-schnell']);
  expect(repos.map(({ name }) => name)).toEqual([
    'flux-dev',
    'flux-vae',
    'flux-clip-l',
    'flux-t5xxl',
    'tokenizer-clip',
    'tokenizer-t5',
    'flux-schnell',
  ]);
});

test('what one file leaves out the shipped one knows: the encoder that scores samples', () => {
  home.write('models.yaml', FLUXGYM);
  expect(targets('dinov2-small')[0]).toBe(
    'onnx-community/dinov2-small onnx/model_quantized.onnx > models/dinov2-small/onnx/model_quantized.onnx',
  );
});

test('an entry may say more', () => {
  const sha = 'ab'.repeat(32);
  home.write(
    'models.yaml',
    `mine:
  repo: me/mine
  revision: 1.10
  gated: true
  to: /data/mine/
  companions: [flux-vae]
  files:
    - a/b.bin
    - { file: c.bin, to: other/, sha256: ${sha}, size: 1kB }
one: { repo: me/one, file: x/one.bin, to: models/renamed.bin, sha256: ${sha}, size: 17 }
all: { repo: me/all, snapshot: { exclude: ['*.md'] } }
`,
  );
  const [mine, vae, one, all] = loadModels(home.path).chosen(['mine', 'one', 'all']);
  expect(mine).toMatchObject({ revision: '1.10', gated: true });
  expect(mine?.what).toEqual({
    is: 'files',
    files: [
      { path: 'a/b.bin', to: '/data/mine/a/b.bin', sha256: null, size: null },
      { path: 'c.bin', to: 'other/c.bin', sha256: sha, size: 1000 },
    ],
  });
  expect(vae?.name).toBe('flux-vae');
  expect(one?.what).toMatchObject({ files: [{ to: 'models/renamed.bin', sha256: sha, size: 17 }] });
  expect(all?.what).toEqual({
    is: 'snapshot',
    include: null,
    exclude: ['*.md'],
    folder: 'models/all/',
  });
});

test('mistakes are told with their line and the nearest key', () => {
  home.write(
    'models.yaml',
    `flux-dev:
  repo: cocktailpeanut
  fiel: a
two: { repo: a/b, file: ../etc/passwd, files: [x] }
three: { repo: a/b, files: [x], sha256: ${'a'.repeat(64)}, to: models/x }
four: { repo: a/b, file: x, sha256: abc, size: large }
`,
  );
  expect(complaints(() => loadModels(home.path))).toEqual([
    `models.yaml:1:1  flux-dev.file: missing. Say what to fetch: file: one.safetensors, files: [a, b], or snapshot: {include: [*.json]}.`,
    `models.yaml:2:9  flux-dev.repo: expected a repository such as 'me/my-model', got "cocktailpeanut".`,
    `models.yaml:3:3  flux-dev.fiel: unknown key. Did you mean flux-dev.file?`,
    `models.yaml:4:25  two.file: expected the path of a file in the repository such as 'unet/model.safetensors', without .., got "../etc/passwd".`,
    `models.yaml:4:47  two.files: file stands here too. Keep one of the two.`,
    `models.yaml:5:41  three.sha256: belongs to one file. Write it beside that file: {file: …, sha256: …}.`,
    `models.yaml:5:111  three.to: expected a folder, since there are several files. Write models/x/.`,
    `models.yaml:6:37  four.sha256: expected a SHA-256: 64 digits from 0 to 9 and a to f, got "abc".`,
    `models.yaml:6:48  four.size: expected the exact number of bytes, got "large".`,
  ]);
});

test('a name that is not there is answered with the nearest', () => {
  expect(complaints(() => loadModels(home.path).chosen(['flux-dve']))[0]).toMatch(
    /there is no model named flux-dve\. Did you mean flux-dev\?/,
  );
  home.write('models.yaml', 'a: { repo: b/c, file: d, companions: [flux-vea] }');
  expect(complaints(() => loadModels(home.path))[0]).toMatch(
    /a\.companions: there is no model named flux-vea\./,
  );
});
