import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  type HeartbeatWatcher,
  type Merged,
  watchHeartbeats,
} from '../../trainer/heartbeat/index.js';

const PROGRAM = fileURLToPath(new URL('../fixtures/programs/beats.py', import.meta.url));
/** Seconds that no test lives to see. */
const NEVER = 1_000_000;

let dir: string;
let closing: HeartbeatWatcher[];
let children: ChildProcess[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-heartbeat-'));
  closing = [];
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await Promise.all(closing.map((watcher) => watcher.close()));
  rmSync(dir, { recursive: true, force: true });
});

// A closed chokidar still holds timers of up to a second; jest would say that we left something open.
afterAll(() => delay(1100));

interface Watched {
  readonly watcher: HeartbeatWatcher;
  readonly beats: Merged[];
  readonly problems: string[];
  /** Resolves once a beat or problem makes this true. */
  until(holds: () => boolean): Promise<void>;
}

function watched(options: { polling?: boolean; poll?: number; backstop?: number } = {}): Watched {
  const beats: Merged[] = [];
  const problems: string[] = [];
  const waiting = new Set<() => void>();
  const look = () => {
    for (const check of waiting) check();
  };
  const watcher = watchHeartbeats({
    dir,
    attempt: 1,
    polling: options.polling ?? false,
    poll_seconds: options.poll ?? 0.05,
    backstop_seconds: options.backstop ?? NEVER,
    onBeat: (merged) => {
      beats.push(merged);
      look();
    },
    onProblem: (file, problem) => {
      problems.push(`${file}: ${problem}`);
      look();
    },
  });
  closing.push(watcher);
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(
          new Error(`in vain; beats end with ${JSON.stringify(beats.slice(-3))}, ${problems}`),
        );
      }, 20_000);
      const check = () => {
        if (!holds()) return;
        clearTimeout(limit);
        waiting.delete(check);
        resolve();
      };
      waiting.add(check);
      check();
    });
  return { watcher, beats, problems, until };
}

function beat(step: number, more: object = {}): string {
  return JSON.stringify({ v: 1, attempt: 1, pid: 7, seq: step, time: 1, step, ...more });
}

/** Replaces a file as a trainer does. */
function put(name: string, text: string): void {
  writeFileSync(join(dir, `.${name}.tmp`), text);
  renameSync(join(dir, `.${name}.tmp`), join(dir, name));
}

function burst(count: number, rank = 0): Promise<number | null> {
  const child = spawn('python3', [PROGRAM, dir, String(count), String(rank)], { stdio: 'inherit' });
  children.push(child);
  return new Promise((resolve) => child.once('exit', resolve));
}

const last = (beats: readonly Merged[]) => beats.at(-1)?.step;

describe('the last of a burst of beats is seen, with no backstop to help', () => {
  test.each([
    ['by notice', false],
    ['by polling', true],
  ])('%s', async (_how, polling) => {
    const { beats, problems, until } = watched({ polling });
    for (const count of [500, 40, 3, 1]) {
      expect(await burst(count)).toBe(0);
      await until(() => last(beats) === count);
    }
    expect(problems).toEqual([]);
    const steps = beats.map(({ step }) => step ?? 0);
    // Within each burst, older never after newer.
    const falls = steps.filter((step, i) => i > 0 && step < (steps[i - 1] ?? 0)).length;
    expect(falls).toBeLessThanOrEqual(3);
  });

  test('of several ranks at once', async () => {
    const { beats, until } = watched();
    await Promise.all([burst(300, 0), burst(200, 1), burst(250, 12)]);
    await until(() => last(beats) === 200);
  });

  test('bursts that begin before the watch has', async () => {
    const done = burst(300);
    const { beats, until } = watched();
    await done;
    await until(() => last(beats) === 300);
  });
});

test('a beat that was there before is told', async () => {
  put('rank-0.json', beat(4));
  const { beats, until } = watched();
  await until(() => last(beats) === 4);
});

test('a file that is written in place, not renamed, is read too', async () => {
  const { beats, until } = watched();
  writeFileSync(join(dir, 'rank-0.json'), beat(1));
  await until(() => last(beats) === 1);
  writeFileSync(join(dir, 'rank-0.json'), beat(2));
  await until(() => last(beats) === 2);
});

test('the backstop finds a beat whose notice never came', async () => {
  // Polling once in a million seconds is a watch that notices nothing.
  const { beats, until, watcher } = watched({ polling: true, poll: NEVER, backstop: 0.05 });
  await watcher.refresh();
  put('rank-0.json', beat(5));
  await until(() => last(beats) === 5);
  put('rank-0.json', beat(6));
  await until(() => last(beats) === 6);
});

test('refresh has told everything when it resolves', async () => {
  const { beats, watcher } = watched({ polling: true, poll: NEVER });
  put('rank-0.json', beat(8));
  put('rank-3.json', beat(7, { pid: 9 }));
  await watcher.refresh();
  expect(last(beats)).toBe(7);
});

test('a malformed file is told once, and again only for another reason', async () => {
  const { beats, problems, watcher, until } = watched();
  put('rank-0.json', '{"v":1,');
  await until(() => problems.length === 1);
  for (const text of ['{"v":1,"a', 'NO', '']) {
    put('rank-0.json', text);
    await watcher.refresh();
  }
  for (const seq of [1.5, 2.5]) {
    put('rank-0.json', beat(1, { seq }));
    await watcher.refresh();
  }
  put('rank-0.json', beat(3, { loss: '0.5' }));
  await until(() => last(beats) === 3);
  put('rank-0.json', beat(4, { loss: '0.6' }));
  await until(() => last(beats) === 4);
  expect(problems).toEqual([
    'rank-0.json: not a JSON object; write a temporary file and rename it',
    'rank-0.json: seq: expected a whole number, got 1.5',
    'rank-0.json: loss: expected a number, "nan" or "inf", got "0.5"',
  ]);
});

test('a file that cannot be read, and a folder that is gone, are told and hold nothing up', async () => {
  mkdirSync(join(dir, 'rank-1.json'));
  put('rank-0.json', beat(2));
  const { beats, problems, watcher } = watched({ polling: true, poll: NEVER });
  await watcher.refresh();
  expect(last(beats)).toBe(2);
  expect(problems).toEqual([expect.stringMatching(/^rank-1\.json: EISDIR/)]);
  rmSync(dir, { recursive: true });
  await watcher.refresh();
  await watcher.refresh();
  expect(problems.slice(1)).toEqual([expect.stringContaining('ENOENT')]);
});

test('other files and other attempts say nothing', async () => {
  const { beats, problems, watcher } = watched();
  for (const name of ['rank-0.json.tmp', 'rank-x.json', 'notes.json', 'rank-0.jsonl'])
    writeFileSync(join(dir, name), beat(99));
  put('rank-0.json', beat(50, { attempt: 2 }));
  await watcher.refresh();
  put('rank-1.json', beat(3));
  await watcher.refresh();
  expect(new Set(beats.map(({ step }) => step))).toEqual(new Set([3]));
  expect(problems).toEqual([]);
});

test('nothing is told after close', async () => {
  const { beats, watcher } = watched();
  put('rank-0.json', beat(1));
  await watcher.refresh();
  await watcher.close();
  put('rank-0.json', beat(2));
  await watcher.refresh();
  expect(last(beats)).toBe(1);
});
