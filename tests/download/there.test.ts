import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { bytes, commit, noise, sha256, whole } from '../hub/index.js';
import { Place } from './place.js';

const CONTENT = noise(9_000_000);
const TARGET = 'models/m/m.safetensors';
let place: Place;
beforeEach(async () => {
  place = await Place.open({ 'm.safetensors': CONTENT, 'config.json': bytes('{"x":1}') });
});
afterEach(() => place.close());

const put = (path: string, content: Buffer): void => {
  mkdirSync(dirname(place.path(path)), { recursive: true });
  writeFileSync(place.path(path), content);
};
const repo = () => `hf/hub/models--me--model`;
const head = () => place.repo.branches.get('main')!;

test('a file that is there is read once, found right, and never read again', async () => {
  put(TARGET, whole(CONTENT));
  expect(await place.get()).toEqual([]);
  expect(await place.get()).toEqual([]);
  expect(place.outcomes()).toEqual(['m/m.safetensors present', 'm/m.safetensors present']);
  expect(place.events.filter(({ type }) => type === 'proving')).toHaveLength(1);
  expect(place.hub.cdn.requests).toBe(0);
});

test('touched since, it is read again', async () => {
  expect(await place.get()).toEqual([]);
  utimesSync(place.path(TARGET), 1, 1);
  expect(await place.get()).toEqual([]);
  expect(place.events.filter(({ type }) => type === 'proving')).toHaveLength(1);
});

test.each([
  ['of another size', Buffer.from('mine'), /it has 4 bytes, the Hub's has 9000000/],
  ['of the same size', Buffer.alloc(9_000_000), /its hash is /],
])('another file %s is left alone, until --replace', async (_, mine, why) => {
  put(TARGET, mine);
  const [failure] = await place.get();
  expect(failure?.error.kind).toBe('occupied');
  expect(failure?.error.message).toMatch(why);
  expect(failure?.error.remedy).toContain('nightwarden download --replace m');
  expect(place.read(TARGET).equals(mine)).toBe(true);
  expect(await place.get(['m'], { replace: true })).toEqual([]);
  expect(place.read(TARGET).equals(whole(CONTENT))).toBe(true);
});

test('when the branch moves on, what worked is kept, until --replace', async () => {
  expect(await place.get()).toEqual([]);
  const newer = noise(9_000_000, 7);
  commit(place.repo, { 'm.safetensors': newer });
  expect(await place.get()).toEqual([]);
  expect(place.outcomes().at(-1)).toBe('m/m.safetensors kept');
  expect(place.read(TARGET).equals(whole(CONTENT))).toBe(true);
  expect(await place.get(['m'], { replace: true })).toEqual([]);
  expect(place.read(TARGET).equals(whole(newer))).toBe(true);
});

test('when models.yaml asks for another revision, it is fetched', async () => {
  expect(await place.get()).toEqual([]);
  const old = head();
  commit(place.repo, { 'm.safetensors': noise(100, 7) });
  place.models('m: { repo: me/model, file: m.safetensors, revision: main }');
  place.models(`m: { repo: me/model, file: m.safetensors, revision: ${head()} }`);
  expect(await place.get()).toEqual([]);
  expect(place.read(TARGET).equals(whole(noise(100, 7)))).toBe(true);
  place.models(`m: { repo: me/model, file: m.safetensors, revision: ${old} }`);
  expect(await place.get()).toEqual([]);
  expect(place.read(TARGET).equals(whole(CONTENT))).toBe(true);
});

test('a hash in models.yaml that the Hub does not have is refused', async () => {
  place.models(`m: { repo: me/model, file: m.safetensors, sha256: ${'0'.repeat(64)} }`);
  const [failure] = await place.get();
  expect(failure?.error.message).toContain(`its SHA-256 is ${sha256(CONTENT)} where models.yaml`);
});

test('without the Hub, files that were proved are enough', async () => {
  expect(await place.get()).toEqual([]);
  place.settings = { patience_seconds: 0.2 };
  place.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
  expect(await place.get()).toEqual([]);
  expect(place.outcomes().at(-1)).toBe('m/m.safetensors present');
});

test("--cache makes the layout of the Hub's own tools, and a second time fetches nothing", async () => {
  place.models('m: { repo: me/model, files: [m.safetensors, config.json] }');
  expect(await place.get(['m'], { cache: true })).toEqual([]);
  const pointer = `${repo()}/snapshots/${head()}/m.safetensors`;
  expect(lstatSync(place.path(pointer)).isSymbolicLink()).toBe(true);
  expect(readlinkSync(place.path(pointer))).toBe(`../../blobs/${sha256(CONTENT)}`);
  expect(place.read(pointer).equals(whole(CONTENT))).toBe(true);
  expect(place.read(`${repo()}/snapshots/${head()}/config.json`).toString()).toBe('{"x":1}');
  expect(readFileSync(place.path(`${repo()}/refs/main`), 'utf8')).toBe(head());
  const { requests } = place.hub.cdn;
  expect(await place.get(['m'], { cache: true })).toEqual([]);
  expect(place.hub.cdn.requests).toBe(requests);
});

test("what the Hub's cache has is linked to its target and not fetched", async () => {
  expect(await place.get(['m'], { cache: true })).toEqual([]);
  const { requests } = place.hub.cdn;
  expect(await place.get()).toEqual([]);
  expect(place.hub.cdn.requests).toBe(requests);
  expect(place.outcomes().at(-1)).toBe('m/m.safetensors cache');
  const blob = realpathSync(place.path(`${repo()}/snapshots/${head()}/m.safetensors`));
  expect(statSync(place.path(TARGET)).ino).toBe(statSync(blob).ino);
});

test('the other way round: what lies at its target is linked into the cache', async () => {
  expect(await place.get()).toEqual([]);
  const { requests } = place.hub.cdn;
  expect(await place.get(['m'], { cache: true })).toEqual([]);
  expect(place.hub.cdn.requests).toBe(requests);
  expect(place.read(`${repo()}/snapshots/${head()}/m.safetensors`).equals(whole(CONTENT))).toBe(
    true,
  );
});

test('a damaged file in the cache is not used', async () => {
  put(`${repo()}/blobs/${sha256(CONTENT)}`, Buffer.alloc(9_000_000));
  expect(await place.get()).toEqual([]);
  expect(place.outcomes()).toEqual(['m/m.safetensors downloaded']);
  expect(place.read(TARGET).equals(whole(CONTENT))).toBe(true);
});
