import { describe, expect, test } from '@jest/globals';
import { askedFor, hubFetch } from '../../daemon/tasks/publish/hub-fetch.js';

const URL = 'https://hub.example/api/models/me/lora/paths-info/main';
const COMMIT = 'https://hub.example/api/models/me/lora/commit/main';

/** A server of prepared answers, and the waits that were made between them. */
function prepared(answers: readonly (Response | Error)[]) {
  const waits: number[] = [];
  let asked = 0;
  const call = hubFetch({
    signal: new AbortController().signal,
    random: () => 0.5,
    sleep: async (ms) => void waits.push(ms),
    fetch: async () => {
      const answer = answers[asked];
      asked += 1;
      if (answer === undefined) throw new Error('asked too often');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { call, waits, asked: () => asked };
}

const status = (code: number, headers = {}) => new Response('', { status: code, headers });
const cut = () => new TypeError('fetch failed');

describe('a request to the Hub', () => {
  test('is made again after what passes, each wait twice the one before', async () => {
    const { call, waits } = prepared([status(503), cut(), status(500), status(200)]);
    expect((await call(URL)).status).toBe(200);
    expect(waits).toEqual([1000, 2000, 4000]);
  });

  test('is given up after four tries, with the last answer or the last error', async () => {
    const refused = prepared([status(503), status(503), status(503), status(502)]);
    expect((await refused.call(URL)).status).toBe(502);
    await expect(prepared([cut(), cut(), cut(), cut()]).call(URL)).rejects.toThrow('fetch failed');
  });

  test.each([400, 401, 403, 404, 409])('%d is an answer like any other', async (code) => {
    const { call, asked } = prepared([status(code)]);
    expect((await call(URL)).status).toBe(code);
    expect(asked()).toBe(1);
  });

  test('a commit is sent once, but for one that was not looked at', async () => {
    const post = { method: 'POST' };
    const broken = prepared([status(502), status(200)]);
    expect((await broken.call(COMMIT, post)).status).toBe(502);
    const lost = prepared([cut(), status(200)]);
    await expect(lost.call(COMMIT, post)).rejects.toThrow('fetch failed');
    const limited = prepared([status(429, { 'retry-after': '2' }), status(200)]);
    expect((await limited.call(COMMIT, post)).status).toBe(200);
    expect(limited.waits).toEqual([2250]);
  });

  test('an error comes no sooner than the next turn, which the client needs', async () => {
    let turned = false;
    setImmediate(() => {
      turned = true;
    });
    await expect(prepared([cut()]).call(COMMIT, { method: 'POST' })).rejects.toThrow();
    expect(turned).toBe(true);
  });
});

test.each([
  [{ ratelimit: '"api";r=0;t=55' }, 55],
  [{ 'retry-after': '7' }, 7],
  [{ ratelimit: '"api";r=0;t=3', 'retry-after': '7' }, 3],
  [{ 'retry-after': 'soon' }, null],
  [{}, null],
])('what the Hub asks to wait: %j', (headers, seconds) => {
  expect(askedFor(new Headers(headers as Record<string, string>))).toBe(seconds);
});
