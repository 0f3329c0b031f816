import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { firstLook, type Looks, lookCount, withLook } from '../../daemon/core/looks.js';
import { Night } from './night.js';

const at = (seconds: number, cpu_seconds: number, log_bytes = 0) => ({
  at: seconds,
  cpu_seconds,
  io_bytes: 0,
  log_bytes,
  gpu_ratio: null,
  storage_wait: false,
});

describe('looks kept for the journal', () => {
  test('an hour of the same takes as much room as a minute of it', () => {
    let looks: Looks = firstLook(1, 0, at(2, 5));
    for (let i = 1; i <= 720; i += 1) looks = withLook(looks, at(2 + 5 * i, 5 + 0.01 * i));
    expect(looks.seen).toHaveLength(2);
    expect(looks.seen[1]?.slice(0, 2)).toEqual([3600, 720]);
    expect(looks.seen[1]?.[2]).toBeCloseTo(7.2);
  });

  test('what begins or ends an idleness is kept apart', () => {
    let looks: Looks = firstLook(1, 0, at(2, 5));
    looks = withLook(looks, at(2.5, 5.5));
    looks = withLook(looks, at(3, 5.5));
    looks = withLook(looks, at(3.5, 5.5, 80));
    looks = withLook(looks, at(4, 5.2, 80));
    expect(looks.seen.map(([, , cpu, , log]) => [cpu, log])).toEqual([
      [0, 0],
      [0.5, 0],
      [0, 0],
      [0, 80],
      [-0.3, 0],
    ]);
  });

  test('whatever is seen, the room is bounded and the sums are right', () => {
    const step = fc.record({
      seconds: fc.integer({ min: 1, max: 50 }),
      cpu: fc.integer({ min: 0, max: 400 }),
      io: fc.nat(1e7),
      log: fc.nat(3),
      gpu: fc.option(fc.integer({ min: 0, max: 100 })),
      storage_wait: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        let last = { ...at(0, 0), gpu_ratio: null as number | null };
        let looks = firstLook(1, 0, last);
        for (const { seconds, cpu, io, log, gpu, storage_wait } of steps) {
          last = {
            at: last.at + seconds / 10,
            cpu_seconds: last.cpu_seconds + cpu / 100,
            io_bytes: last.io_bytes + io,
            log_bytes: last.log_bytes + log,
            gpu_ratio: gpu === null ? null : gpu / 100,
            storage_wait,
          };
          looks = withLook(looks, last);
        }
        const sum = (i: 0 | 2 | 3 | 4) => looks.seen.reduce((total, seen) => total + seen[i], 0);
        expect(looks.seen.length).toBeLessThanOrEqual(64);
        expect(lookCount(looks)).toBe(steps.length + 1);
        expect(sum(0)).toBeCloseTo(last.at, 1);
        expect(sum(2)).toBeCloseTo(last.cpu_seconds, 1);
        expect(sum(3)).toBe(last.io_bytes);
        expect(sum(4)).toBe(last.log_bytes);
      }),
    );
  });
});

describe('a stretch without progress in the journal', () => {
  test('is told once, when it is over, with what was seen of it', () => {
    const night = new Night().start().steps(30, 1);
    night.pass(6, () => night.outside(3));
    expect(night.of('looked_at')).toEqual([]);
    night.beat({ step: 31 });
    expect(night.of('looked_at')).toMatchObject([
      {
        silent_seconds: 6,
        last_ago: 0,
        seen: [
          [0, 1, 0, 0, 0, null, 0],
          [5.75, 23, 0, 0, 0, null, 0],
        ],
      },
    ]);
  });

  test('is told of a hang too, and not of steps that were hardly looked at', () => {
    const night = new Night().start().steps(30, 1);
    night.outside(3).beat({ step: 31 });
    night.outside(3).outside(3).beat({ step: 32 });
    expect(night.of('looked_at')).toEqual([]);
    night.pass(30, () => night.outside(3));
    expect(night.of('hang_confirmed')).toHaveLength(1);
    expect(night.of('looked_at')).toHaveLength(1);
  });
});
