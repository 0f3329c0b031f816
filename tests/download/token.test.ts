import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { readToken } from '../../daemon/tasks/download/index.js';
import { commit, makeRepo, noise, whole } from '../hub/index.js';
import { Place } from './place.js';

const CANARY = 'hf_canarycanarycanary0123456789';
const CONTENT = noise(5_000_000);
let place: Place;
beforeEach(async () => {
  place = await Place.open({ 'm.safetensors': CONTENT });
  const repos = [
    makeRepo('me/private', { private: true, readers: ['me'] }),
    makeRepo('big/gated', { gated: 'auto', readers: ['me'] }),
  ];
  for (const repo of repos) {
    place.hub.repos.set(repo.id, repo);
    commit(repo, { 'm.safetensors': CONTENT });
  }
  place.hub.tokens.set(CANARY, { user: 'me', role: 'read' });
  place.hub.tokens.set('hf_stranger', { user: 'you', role: 'read' });
  place.models(`m: { repo: me/model, file: m.safetensors }
private: { repo: me/private, file: m.safetensors }
gated: { repo: big/gated, file: m.safetensors }
said: { repo: big/gated, file: m.safetensors, gated: true }
mirror: { repo: me/model, file: m.safetensors, base: big/gated, companions: [] }
missing: { repo: me/nothing, file: m.safetensors }
revision: { repo: me/model, file: m.safetensors, revision: v9 }
file: { repo: me/model, file: n.safetensors }
`);
});
afterEach(() => place.close());

const file = (path: string, text: string): void => {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
};
const refusal = async (name: string) => {
  const [failure, ...others] = await place.get([name]);
  expect(others).toEqual([]);
  return failure!.error;
};

test('a token is not sent where none is needed', async () => {
  place.env['HF_TOKEN'] = CANARY;
  expect(await place.get(['m'])).toEqual([]);
  expect(place.hub.seen.filter(({ authorized }) => authorized)).toEqual([]);
});

test('a token that the Hub does not know stops no public download', async () => {
  place.env['HF_TOKEN'] = 'hf_unknown';
  expect(await place.get(['m'])).toEqual([]);
});

test.each(['private', 'gated', 'said'])(
  '%s: fetched with the token, which no other origin sees',
  async (name) => {
    place.env['HF_TOKEN'] = CANARY;
    // The hub's other origin answers 400 to any request that bears a token.
    expect(await place.get([name])).toEqual([]);
    expect(place.read(`models/${name}/m.safetensors`).equals(whole(CONTENT))).toBe(true);
    expect(JSON.stringify(place.events)).not.toContain(CANARY);
  },
);

test('gated, without a token: which model, what the Hub said, and every way out', async () => {
  const { kind, message, remedy } = await refusal('gated');
  expect(kind).toBe('gated');
  expect(message).toMatch(/^gated \(big\/gated\) is gated.* The Hub said: 401 GatedRepo Access to/);
  expect(remedy).toContain('accept the licence at https://huggingface.co/big/gated');
  expect(remedy).toContain(`HF_TOKEN in the environment, or a file ${place.home}/HF_TOKEN`);
  expect(remedy).toContain('Or use mirror (me/model), which needs no token.');
});

test('gated, with the token of someone who has not accepted', async () => {
  place.env['HF_TOKEN'] = 'hf_stranger';
  const { kind, message, remedy } = await refusal('gated');
  expect(kind).toBe('gated');
  expect(message).toContain('the account of the token from the variable HF_TOKEN has no access');
  expect(message).toContain('403 GatedRepo');
  expect(remedy).toContain('With that account, accept the licence');
});

test.each(['gated', 'private'])('%s, with a token that the Hub does not know', async (name) => {
  place.env['HF_TOKEN'] = 'hf_unknown';
  const { kind, message } = await refusal(name);
  expect(kind).toBe('bad_token');
  expect(message).toContain(
    'The token from the variable HF_TOKEN was tried: the Hub does not know it',
  );
  expect(message).not.toContain('hf_unknown');
});

test.each([
  ['missing', {}, 'unauthorized', /does not exist, or it is private/],
  ['missing', { HF_TOKEN: CANARY }, 'not_found', /may not see it.*404 RepoNotFound/],
  [
    'private',
    { HF_TOKEN: 'hf_stranger' },
    'not_found',
    /the token from the variable HF_TOKEN may not see it/,
  ],
  ['revision', {}, 'not_found', /has no revision v9.*404 RevisionNotFound/],
  ['file', {}, 'not_found', /has no file n\.safetensors at main\. There is: m\.safetensors/],
])('%s with %j is told apart: %s', async (name, env, kind, message) => {
  Object.assign(place.env, env);
  const error = await refusal(name);
  expect(error.kind).toBe(kind);
  expect(error.message).toMatch(message);
});

test('a token is looked for in its places, in their order', () => {
  const { env, home } = place;
  const found = () => {
    const token = readToken(env, home);
    return token === null ? null : [token.secret.reveal(), token.from];
  };
  expect(found()).toBeNull();
  file(place.path('hf/token'), 'hf_login\n');
  expect(found()).toEqual(['hf_login', place.path('hf/token')]);
  file(place.path('HF_TOKEN'), ' hf_home \n');
  expect(found()).toEqual(['hf_home', place.path('HF_TOKEN')]);
  env['HF_TOKEN_PATH'] = place.path('elsewhere/token');
  file(place.path('elsewhere/token'), 'hf_path');
  expect(found()).toEqual(['hf_path', place.path('elsewhere/token')]);
  env['HUGGING_FACE_HUB_TOKEN'] = 'hf_old';
  expect(found()).toEqual(['hf_old', 'the variable HUGGING_FACE_HUB_TOKEN']);
  env['HF_TOKEN'] = 'hf_new';
  expect(found()).toEqual(['hf_new', 'the variable HF_TOKEN']);
  env['HF_TOKEN'] = '';
  expect(found()?.[0]).toBe('hf_old');
});
