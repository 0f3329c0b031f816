import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import type { Report } from '../../bench/chaos/report.js';

const MAIN = join(import.meta.dirname, '../../dist/bench/chaos/main.js');
const ONLY = 'kills,own-fault,second-fault,torn,stopped,hang,refusal';
const ARGS = ['--seed', '11', '--runs', '6', '--side', '3', '--quick', '--only', ONLY, '--json'];

test('a few runs with a fixed seed, every one of them right', async () => {
  const { code, out, err } = await new Promise<{ code: unknown; out: string; err: string }>(
    (resolve) => {
      execFile(process.execPath, [MAIN, ...ARGS], { maxBuffer: 64 << 20 }, (error, out, err) =>
        resolve({ code: error?.code ?? 0, out, err }),
      );
    },
  );
  if (code !== 0) throw new Error(`exit ${code}\n${err}`);
  const { runs, wrong, looks } = JSON.parse(out) as Report;
  expect(wrong).toEqual([]);
  expect(runs.map(({ n }) => n)).toEqual([0, 1, 2, 3, 4, 5]);
  for (const { outcome, expected } of runs) expect(outcome).toBe(expected);
  expect(runs.some(({ recovery_seconds }) => recovery_seconds.length > 0)).toBe(true);
  expect(looks.n).toBeGreaterThan(100);
}, 180_000);
