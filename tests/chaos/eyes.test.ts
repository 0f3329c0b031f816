import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { JournalEye } from '../../bench/chaos/journal-eye.js';
import { processesNaming } from '../../bench/chaos/processes.js';
import { ProgressEye } from '../../bench/chaos/progress-eye.js';
import { Watchman } from '../../bench/chaos/watchman.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'nightwarden-eyes-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const line = (seq: number, reason = 'x'): string =>
  `${JSON.stringify({ seq, time: seq, type: 'daemon_stopping', reason })}\n`;

describe('the journal', () => {
  const watched = () => {
    const seen: number[] = [];
    const eye = new JournalEye(dir, ({ seq }) => seen.push(seq));
    return { seen, eye };
  };

  test('is read as it grows, over a rotation, no line twice and none before its end is there', () => {
    const { seen, eye } = watched();
    const path = join(dir, 'journal.jsonl');
    eye.look();
    writeFileSync(path, line(1) + line(2).slice(0, 10));
    eye.look();
    expect(seen).toEqual([1]);
    appendFileSync(path, line(2).slice(10) + line(3));
    renameSync(path, join(dir, 'journal.prev.jsonl'));
    writeFileSync(path, line(4));
    eye.look();
    eye.look();
    eye.close();
    expect(seen).toEqual([1, 2, 3, 4]);
    expect(eye.wrong).toEqual([]);
  });

  test('a torn tail that is cut is no fault', () => {
    const { seen, eye } = watched();
    const path = join(dir, 'journal.jsonl');
    writeFileSync(path, line(1) + line(2).slice(0, 20));
    eye.look();
    writeFileSync(path, line(1));
    eye.look();
    appendFileSync(path, line(2, 'y'));
    eye.look();
    eye.close();
    expect(seen).toEqual([1, 2]);
    expect(eye.wrong).toEqual([]);
  });

  test('a line that was there and is another now is told', () => {
    const { eye } = watched();
    const path = join(dir, 'journal.jsonl');
    writeFileSync(path, line(1) + line(2, 'a longer reason than the one that follows'));
    eye.look();
    writeFileSync(path, line(1) + line(2, 'y'));
    eye.look();
    eye.close();
    expect(eye.wrong).toEqual([expect.stringContaining('entry 2 was')]);
  });
});

test('a trace is read line by line, half of one not yet', () => {
  const path = join(dir, 'trace.jsonl');
  const eye = new ProgressEye(path, dir);
  eye.look();
  writeFileSync(path, '{"attempt":1,"from":0,"time":1}\n{"attempt":1,"step":1,"time":2}\n{"att');
  eye.look();
  expect(eye.step).toBe(1);
  appendFileSync(path, 'empt":1,"step":2,"time":3}\n');
  eye.look();
  expect(eye.made).toEqual([
    { attempt: 1, step: 1, time: 2 },
    { attempt: 1, step: 2, time: 3 },
  ]);
});

describe('processes', () => {
  const children: ChildProcess[] = [];
  const start = (mark: string): ChildProcess => {
    const env = { ...process.env, NIGHTWARDEN_ATTEMPT_ID: mark };
    const child = spawn('sleep', ['60'], { env, stdio: 'ignore' });
    children.push(child);
    return child;
  };
  const end = async (child: ChildProcess): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  };
  const root = join(import.meta.dirname, '../..');
  const thread = pathToFileURL(join(root, 'dist/bench/chaos/watchman-thread.js'));
  afterEach(async () => {
    for (const child of children.splice(0)) await end(child);
  });

  test('of two attempts at once are told; those of one, or of two in turn, are not', async () => {
    const watchman = new Watchman(thread);
    const both = new Promise<string>((resolve) => watchman.watch('both', resolve));
    const wrong: string[] = [];
    watchman.watch('turn', (what) => wrong.push(what));
    start('turn/1');
    await end(start('turn/1'));
    await end(children[0]!);
    start('turn/2');
    const [first, second] = [start('both/1'), start('both/2')];
    const what = await both;
    expect(what).toContain(`${first.pid} of attempt 1 (sleep 60)`);
    expect(what).toContain(`${second.pid} of attempt 2`);
    const { looks } = await watchman.end();
    expect(looks).toBeGreaterThan(0);
    expect(wrong).toEqual([]);
  });

  test('are found by what is in their environment', async () => {
    const child = start(`here/${dir}`);
    expect(processesNaming([dir]).map(({ pid }) => pid)).toEqual([child.pid]);
    await end(child);
    expect(processesNaming([dir])).toEqual([]);
  });
});
