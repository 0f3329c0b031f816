import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { askedToWait, backoff } from '../../daemon/tasks/download/backoff.js';
import { unitsOf } from '../../daemon/tasks/download/chunk-journal.js';
import { Chunks, runLength, UNIT } from '../../daemon/tasks/download/chunks.js';
import { matchesAny } from '../../daemon/tasks/download/patterns.js';
import { proxyFor } from '../../daemon/tasks/download/proxy.js';

describe('pieces', () => {
  test('however they are taken, given back and finished, each is fetched and none twice at once', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 40 * UNIT }),
        fc.array(
          fc.tuple(fc.integer({ min: 1, max: 5 }), fc.double({ min: 0, max: 1, noNaN: true })),
        ),
        (size, moves) => {
          const chunks = new Chunks(size);
          const mine = new Set<number>();
          for (const [limit, luck] of moves) {
            const run = chunks.take(limit);
            if (run === null) break;
            const units = Array.from({ length: run.count }, (_, i) => run.first + i);
            for (const unit of units) expect(mine.has(unit)).toBe(false);
            const good = units.slice(0, Math.floor(luck * (units.length + 1)));
            for (const unit of good) {
              chunks.finish(unit);
              mine.add(unit);
            }
            chunks.giveBack(run);
          }
          for (let run = chunks.take(3); run !== null; run = chunks.take(3)) {
            for (let u = run.first; u < run.first + run.count; u++) chunks.finish(u);
          }
          expect(chunks.complete).toBe(true);
          expect([chunks.contiguous, chunks.bytesDone, chunks.free]).toEqual([size, size, 0]);
        },
      ),
    );
  });

  test('runs are long where answers are far away, and short at the end', () => {
    expect(runLength(1000, 16, null)).toBe(1);
    expect(runLength(1000, 16, { wait: 0.001, rate: 40e6 })).toBe(1);
    expect(runLength(1000, 16, { wait: 0.1, rate: 40e6 })).toBe(8);
    expect(runLength(1000, 16, { wait: 2, rate: 40e6 })).toBe(16);
    expect(runLength(20, 16, { wait: 2, rate: 40e6 })).toBe(1);
  });
});

describe('the journal of pieces', () => {
  const subject = { etag: 'ab', size: 100 * UNIT };
  const head = JSON.stringify({ v: 1, ...subject, unit: UNIT, boot: 'b1', done: [[0, 2]] });
  const units = (text: string, boot = 'b1') => unitsOf(text, subject, boot);

  test('each line counts under the boot it was written in', () => {
    expect(units(`${head}\nc 5\nc 7\n`)).toEqual([0, 1, 2, 5, 7]);
  });
  test('under another boot only what had been synced counts', () => {
    expect(units(`${head}\nc 5\ns\nc 7\n`, 'b2')).toEqual([0, 1, 2, 5]);
    expect(units(`${head}\nc 5\n`, 'b2')).toEqual([0, 1, 2]);
  });
  test('a torn line and all behind it count for nothing', () => {
    expect(units(`${head}\nc 5\nc 1`)).toEqual([0, 1, 2, 5]);
    expect(units(`${head}\nc 5\n\0\0\0\nc 9\n`)).toEqual([0, 1, 2, 5]);
    expect(units(head)).toEqual([]);
  });
  test('that of another file, or of no file, counts for nothing', () => {
    expect(unitsOf(`${head}\nc 5\n`, { ...subject, etag: 'cd' }, 'b1')).toEqual([]);
    expect(unitsOf(`${head}\nc 5\n`, { ...subject, size: 5 }, 'b1')).toEqual([]);
    for (const text of ['', '\n', 'null\n', '[]\n', '{"v":1}\n']) expect(units(text)).toEqual([]);
  });
  test('a number beyond the file counts for nothing', () => {
    expect(units(`${head}\nc 100\nc 99\n`)).toEqual([0, 1, 2, 99]);
  });
});

test('waits grow, have a limit, and differ', () => {
  expect([1, 2, 3].map((n) => backoff(n, 1))).toEqual([0.25, 0.5, 1]);
  expect(backoff(50, 1)).toBe(30);
  expect(backoff(3, 0)).toBe(0.5);
});

test.each([
  [{ ratelimit: '"api";r=0;t=55' }, 55],
  [{ 'retry-after': '7' }, 7],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:01:00 GMT' }, 50],
  [{ 'retry-after': 'Thu, 01 Jan 1970 00:00:01 GMT' }, 0],
  [{ 'retry-after': '1000000' }, 900],
  [{ 'retry-after': 'soon' }, null],
  [{}, null],
])('%j asks to wait %p', (headers, seconds) => {
  expect(askedToWait(headers as Record<string, string>, 10_000)).toBe(seconds);
});

test.each([
  ['a/b.json', '*.json', true],
  ['a.json', 'a/*', false],
  ['tokenizer_config.json', 'tokenizer*.json', true],
  ['x/y/z', 'x/', true],
  ['a+b.txt', 'a+b.txt', true],
  ['aab.txt', 'a+b.txt', false],
  ['b1', '[a-c]?', true],
  ['d1', '[!d]?', false],
])('%s like %s: %p', (path, pattern, fits) => {
  expect(matchesAny(path, [pattern])).toBe(fits);
});

test.each<[string, NodeJS.ProcessEnv, string | null]>([
  ['https://hub.co/x', {}, null],
  ['https://hub.co/x', { https_proxy: 'http://p:3128' }, 'http://p:3128'],
  ['https://hub.co/x', { HTTPS_PROXY: 'p:3128' }, 'http://p:3128'],
  ['https://hub.co/x', { http_proxy: 'http://p:1' }, null],
  ['http://hub.co/x', { all_proxy: 'http://p:1' }, 'http://p:1'],
  ['https://a.hub.co/x', { https_proxy: 'http://p:1', no_proxy: 'x.co, .hub.co' }, null],
  ['https://nothub.co/x', { https_proxy: 'http://p:1', no_proxy: 'hub.co' }, 'http://p:1'],
  ['https://hub.co/x', { https_proxy: 'http://p:1', NO_PROXY: '*' }, null],
  ['https://hub.co/x', { https_proxy: 'http://p:1', no_proxy: 'hub.co:80' }, 'http://p:1'],
])('%s with %j goes through %p', (url, env, proxy) => {
  expect(proxyFor(new URL(url), env)?.origin ?? null).toBe(proxy);
});
