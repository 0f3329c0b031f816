import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import {
  type Asked,
  commit,
  type Fault,
  type HubFile,
  noise,
  sha256,
  Window,
  whole,
} from '../hub/index.js';
import { MIB, Place } from './place.js';

// The right file or a clear refusal; never a wrong file in place.

const SIZE = 18 * MIB + 777;
const CONTENT = noise(SIZE);
let place: Place;
afterEach(() => place.close());

const open = async (faults: (asked: Asked) => Fault | null = () => null): Promise<void> => {
  place = await Place.open({ 'm.safetensors': CONTENT });
  place.hub.cdn.faults = faults;
};
const arrivedWhole = (): boolean => place.read('models/m/m.safetensors').equals(whole(CONTENT));
/** The first `n` requests meet the fault. */
const first = (n: number, fault: Fault) => (asked: Asked) => (asked.nth <= n ? fault : null);

test.each<[string, Fault]>([
  ['the connection cut before the first byte', { is: 'cut', after: 0 }],
  ['the connection cut in the middle', { is: 'cut', after: 1_000_001 }],
  ['the connection cut one byte before the end', { is: 'cut', after: 4 * MIB - 1 }],
  ['a body that ends early in good order', { is: 'short', after: 100_000 }],
  ['200 and the whole file in place of 206', { is: 'whole' }],
  ['another range than was asked for', { is: 'other_range', by: 4096 }],
  ['500', { is: 'status', status: 500 }],
  ['503 with Retry-After', { is: 'status', status: 503, retryAfter: 1 }],
  ['an address that is refused', { is: 'status', status: 403 }],
])('%s is survived', async (_, fault) => {
  await open(first(4, fault));
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
});

test('a cut costs what was in flight: whole pieces are not asked for again', async () => {
  await open(first(1, { is: 'cut', after: 4 * MIB - 1 }));
  place.settings = { connections: 1 };
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
  expect(place.hub.cdn.total).toBe(SIZE + 4 * MIB - 1);
  // What is told adds up to the file.
  const told = place.events.reduce((sum, event) => {
    if (event.type === 'bytes') return sum + event.bytes;
    return event.type === 'discarded' ? sum - event.bytes : sum;
  }, 0);
  expect(told).toBe(SIZE);
});

test('a server that falls silent is left after the stall time', async () => {
  await open(first(2, { is: 'stall', after: 70_000 }));
  place.settings = { stall_seconds: 0.3 };
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
});

test('one bit turned on the way: all of it is fetched again, and is right', async () => {
  await open(first(1, { is: 'flip', at: 12_345 }));
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
  expect(place.events).toContainEqual(
    expect.objectContaining({ type: 'discarded', bytes: SIZE, why: expect.any(String) }),
  );
});

test('a bit turned every time: refused, and nothing is left in place', async () => {
  await open(({ start }) => (start === 0 ? { is: 'flip', at: 5 } : null));
  const [failure, ...others] = await place.get();
  expect(others).toEqual([]);
  expect(failure?.error.kind).toBe('corrupt');
  expect(failure?.error.message).toContain(sha256(CONTENT));
  expect(place.list('models/m')).toEqual([]);
});

const swapped = (keepsEtag: boolean): Fault => {
  const content = noise(SIZE, 99);
  const file: HubFile = { path: 'm.safetensors', content, lfs: true, etag: sha256(content) };
  return { is: 'swapped', file, keepsEtag };
};

test('another content from the middle on, named as such: the old is waited for', async () => {
  const fault = swapped(false);
  await open(({ nth }) => (nth >= 3 && nth <= 6 ? fault : null));
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
});

test('another content from the middle on, for ever: refused', async () => {
  const fault = swapped(false);
  await open(({ nth }) => (nth >= 3 ? fault : null));
  const [failure] = await place.get();
  expect(failure?.error).toMatchObject({ kind: 'corrupt' });
  expect(place.list('models/m').some((name) => name.endsWith('m.safetensors'))).toBe(false);
});

test('another content under the same name: the hash finds it', async () => {
  const fault = swapped(true);
  await open(({ nth }) => (nth === 3 ? fault : null));
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
  expect(place.events.some(({ type }) => type === 'discarded')).toBe(true);
});

test('a push to the branch in mid-download changes nothing: the commit is pinned', async () => {
  await open();
  place.hub.cdn.uses = 1;
  place.hub.cdn.faults = ({ nth }) => {
    if (nth === 2) commit(place.repo, { 'm.safetensors': noise(SIZE, 5) });
    return null;
  };
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
});

test('the Hub itself names another content for the pinned commit: refused', async () => {
  await open();
  place.hub.linkedEtag = () => 'f'.repeat(64);
  const [failure] = await place.get();
  expect(failure?.error).toMatchObject({ kind: 'corrupt' });
  expect(place.hub.cdn.total).toBe(0);
});

test('addresses that are good for one request each are renewed', async () => {
  await open();
  place.hub.cdn.uses = 1;
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
  expect(place.hub.resolved).toBeGreaterThan(2);
});

test('every address expires in mid-download', async () => {
  await open(({ nth }) => {
    if (nth === 3) place.hub.cdn.expire();
    return null;
  });
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
});

test.each(['RateLimit', 'Retry-After'] as const)(
  'the rate limit is waited out as the Hub says it (%s)',
  async (says) => {
    await open();
    place.hub.window = new Window({ requests: 1, seconds: 1, says });
    expect(await place.get()).toEqual([]);
    expect(arrivedWhole()).toBe(true);
    expect(place.hub.window.refused).toBeGreaterThan(0);
    // One refusal for each window, not a storm of them.
    expect(place.hub.window.refused).toBeLessThan(6);
  },
);

test('a server that ignores ranges for ever is refused, with its reason', async () => {
  await open(() => ({ is: 'whole' }));
  const [failure] = await place.get();
  expect(failure?.error.kind).toBe('server');
  expect(failure?.error.message).toContain('the whole file came (200)');
});

test('no Hub at all: refused after our patience, with what to look at', async () => {
  await open();
  place.settings = { patience_seconds: 0.5 };
  place.env['HF_ENDPOINT'] = 'http://127.0.0.1:9';
  const [failure] = await place.get();
  expect(failure?.error.kind).toBe('network');
  expect(failure?.error.message).toContain('ECONNREFUSED');
  expect(failure?.error.remedy).toContain('HF_ENDPOINT');
});

test('a page where the Hub should answer (a hotel that wants a login): told as such', async () => {
  await open();
  const portal = createServer((_, answer) => answer.end('<html>Log in</html>'));
  await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
  place.env['HF_ENDPOINT'] = `http://127.0.0.1:${(portal.address() as AddressInfo).port}`;
  const [failure] = await place.get();
  await new Promise((resolve) => portal.close(resolve));
  expect(failure?.error.kind).toBe('server');
  expect(failure?.error.message).toContain('did not answer as the Hub does');
  expect(failure?.error.remedy).toContain('HF_ENDPOINT');
});

test('too large for the disk: refused before the first byte', async () => {
  await open();
  place.models('m: { repo: me/model, file: big.safetensors }');
  const made = commit(place.repo, { 'big.safetensors': noise(1000) });
  // As large as no disk is; only its size is ever looked at.
  const big = made.files.get('big.safetensors')!;
  Object.assign(big, { content: { size: 2 ** 52, read: () => Buffer.alloc(0) } });
  const [failure] = await place.get();
  expect(failure?.error.kind).toBe('disk_full');
  expect(failure?.error.message).toMatch(/are needed in .* and .* are free/);
  expect(place.hub.cdn.requests).toBe(0);
});

test('a model that cannot be had does not keep the others from coming', async () => {
  await open();
  place.models('m: { repo: me/model, file: m.safetensors }\nx: { repo: me/none, file: a }');
  const failures = await place.get(['x', 'm']);
  expect(failures.map(({ model }) => model)).toEqual(['x']);
  expect(arrivedWhole()).toBe(true);
});

test('an interrupted download goes on where it was', async () => {
  await open();
  const stop = new AbortController();
  place.hub.cdn.faults = ({ nth }) => {
    if (nth === 4) stop.abort(new Error('enough'));
    return null;
  };
  place.settings = { connections: 1 };
  await expect(place.get(['m'], { signal: stop.signal })).rejects.toThrow('enough');
  const before = place.hub.cdn.total;
  place.hub.cdn.faults = () => null;
  expect(await place.get()).toEqual([]);
  expect(arrivedWhole()).toBe(true);
  const resumed = place.events.find(({ type }) => type === 'resumed');
  const kept = resumed?.type === 'resumed' ? resumed.bytes : 0;
  expect(kept).toBeGreaterThanOrEqual(12 * MIB);
  expect(place.hub.cdn.total - before).toBe(SIZE - kept);
});

test('what was fetched of another version counts for nothing', async () => {
  await open();
  const stop = new AbortController();
  place.hub.cdn.faults = ({ nth }) => {
    if (nth === 3) stop.abort(new Error('enough'));
    return null;
  };
  await expect(place.get(['m'], { signal: stop.signal })).rejects.toThrow('enough');
  place.hub.cdn.faults = () => null;
  commit(place.repo, { 'm.safetensors': noise(SIZE, 8) });
  expect(await place.get()).toEqual([]);
  expect(place.read('models/m/m.safetensors').equals(whole(noise(SIZE, 8)))).toBe(true);
  expect(place.events.some(({ type }) => type === 'resumed')).toBe(false);
  // Nor does it fill the disk for ever.
  expect(place.list('models/m')).toEqual(['m.safetensors']);
});

test('a folder that cannot be written is told as such', async () => {
  await open();
  place.models('m: { repo: me/model, file: m.safetensors, to: models.yaml/under/a/file }');
  const [failure] = await place.get();
  expect(failure?.error.kind).toBe('disk');
  expect(failure?.error.message).toMatch(/ENOTDIR|EEXIST/);
});
