import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { watchDisks } from '../../daemon/http/metrics/disk.js';
import { serving } from './helpers/serve.js';

const serve = serving();

/** Waits for the next readings. */
function readings() {
  const seen: [string, number | null][] = [];
  let tell: () => void = () => undefined;
  return {
    seen,
    onReading: (path: string, free: number | null) => {
      seen.push([path, free]);
      tell();
    },
    async until(count: number) {
      while (seen.length < count) {
        await new Promise<void>((resolve) => {
          tell = resolve;
        });
      }
      return seen;
    },
  };
}

test('free space is measured by the system at once, not within a scrape', async () => {
  const told = readings();
  const watch = watchDisks({ paths: [tmpdir(), '/no/such/path'], onReading: told.onReading });
  const seen = new Map(await told.until(2));
  watch.stop();
  expect(seen.get(tmpdir())).toBeGreaterThan(0);
  expect(seen.get('/no/such/path')).toBeNull();
});

test('a volume that does not answer is asked once and has no reading; the others go on', async () => {
  const asked: string[] = [];
  const told = readings();
  const watch = watchDisks({
    paths: ['gone', 'good'],
    intervalMs: 1,
    onReading: told.onReading,
    statfs: (path) => {
      asked.push(path);
      if (path === 'gone') return new Promise(() => undefined);
      return Promise.resolve({ bavail: 3, bsize: 512 });
    },
  });
  const seen = await told.until(8);
  watch.stop();
  expect(asked.filter((path) => path === 'gone')).toHaveLength(1);
  expect(asked.filter((path) => path === 'good').length).toBeGreaterThan(1);
  expect(new Set(seen.map(String))).toEqual(new Set(['gone,', 'good,1536']));
});

test('the free space of the paths asked for stands in the metrics', async () => {
  const { get } = await serve({ diskPaths: [tmpdir(), '/no/such/path'] });
  let text = '';
  // The first reading is under way when the server starts; each scrape gives it a turn.
  while (!text.includes('nightwarden_disk_free_bytes{'))
    text = await (await get('/metrics')).text();
  expect(text).toMatch(/^nightwarden_disk_free_bytes\{path="[^"]+"\} \d+(\.\d+e\+\d+)?$/m);
  expect(text).not.toContain('/no/such/path');
});
