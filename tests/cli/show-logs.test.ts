import { appendFileSync, mkdirSync, renameSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { attemptLog, loggedAttempts } from '../../daemon/cli/attempt-logs.js';
import { humanLogLine } from '../../daemon/cli/daemon-log.js';
import { painter } from '../../daemon/cli/format/index.js';
import { GrowingFile } from '../../daemon/cli/grow.js';
import { followAttempts, followFile, showFile } from '../../daemon/cli/show-logs.js';
import { recorded } from './helpers/streams.js';
import { tempFolder } from './helpers/temp.js';

function home(): { home: string; log: (attempt: number) => string } {
  const folder = tempFolder();
  const log = (attempt: number) => {
    const path = attemptLog(folder, 'lora', attempt);
    mkdirSync(dirname(path), { recursive: true });
    return path;
  };
  return { home: folder, log };
}

describe('the end of a log', () => {
  test('its last lines, and how many were left out', async () => {
    const { log } = home();
    writeFileSync(log(1), 'one\ntwo\n\rbar 1\rbar 2\nlast');
    const { stream, out } = recorded();
    const err = recorded();
    expect(await showFile(log(1), { out, err: err.out, lines: 2, raw: false })).toBe(true);
    expect(stream.text()).toBe('bar 2\nlast\n');
    expect(err.stream.text()).toBe('(2 earlier lines; -n all shows them)\n');
  });

  test('bytes are not harmed: UTF-8 cut by a chunk, and bytes that are no UTF-8', async () => {
    const { log } = home();
    const bytes = Buffer.concat([
      Buffer.from('x'.repeat(65_535)),
      Buffer.from('é█ 日本\n'),
      Buffer.from([0xff, 0xfe, 0x0a]),
    ]);
    writeFileSync(log(1), bytes);
    for (const raw of [true, false]) {
      for (const lines of [10, Number.POSITIVE_INFINITY]) {
        const { stream, out } = recorded();
        await showFile(log(1), { out, err: recorded().out, lines, raw });
        expect(Buffer.concat(stream.chunks).equals(bytes)).toBe(true);
      }
    }
  });

  test('no file is told apart from an empty one', async () => {
    const { log } = home();
    const show = { out: recorded().out, err: recorded().out, lines: 5, raw: false };
    expect(await showFile(log(1), show)).toBe(false);
    writeFileSync(log(1), '');
    expect(await showFile(log(1), show)).toBe(true);
  });
});

describe('following', () => {
  test('goes on with the next attempt and ends with the job', async () => {
    const { home: folder, log } = home();
    writeFileSync(log(1), 'first begins\n');
    const { stream, out } = recorded();
    const err = recorded();
    let over = false;
    const done = followAttempts(folder, 'lora', 1, {
      out,
      err: err.out,
      lines: 10,
      raw: false,
      signal: new AbortController().signal,
      over: async () => over,
      pollMs: 5,
    });
    await stream.shows('first begins');
    appendFileSync(log(1), '\rbar 1\rbar 2\nfirst dies');
    await stream.shows('bar 2\n');
    writeFileSync(log(2), 'second begins\n');
    await stream.shows('second begins');
    appendFileSync(log(2), 'second ends\n');
    over = true;
    await done;
    expect(stream.text()).toBe('first begins\nbar 2\nfirst dies\nsecond begins\nsecond ends\n');
    expect(err.stream.text()).toBe('==> lora, attempt 2\n');
  });

  test('waits for a file that is not there yet, and ends at the signal', async () => {
    const { log } = home();
    const { stream, out } = recorded();
    const abort = new AbortController();
    const never = async () => false;
    const show = { out, err: recorded().out, lines: 5, raw: false, signal: abort.signal };
    const done = followFile(log(1), { ...show, over: never, pollMs: 5 }, never);
    writeFileSync(log(1), 'here\n');
    await stream.shows('here');
    abort.abort();
    await done;
    expect(stream.text()).toBe('here\n');
  });

  test('on a terminal a bar is redrawn as it was written', async () => {
    const { log } = home();
    writeFileSync(log(1), 'begin\n\r1%');
    const { stream, out } = recorded(true);
    const abort = new AbortController();
    const never = async () => false;
    const show = { out, err: recorded().out, lines: 5, raw: false, signal: abort.signal };
    const done = followFile(log(1), { ...show, over: never, pollMs: 5 }, never);
    await stream.shows('1%');
    appendFileSync(log(1), '\r2%');
    await stream.shows('\r2%');
    abort.abort();
    await done;
    expect(stream.text()).toBe('begin\n1%\r2%');
  });
});

test('a file that is rotated or cut shorter is read on', async () => {
  const path = join(tempFolder(), 'nightwarden.jsonl');
  const file = new GrowingFile(path);
  const read = async () => {
    let text = '';
    const there = await file.read((more) => {
      text += more;
    });
    return there ? text : null;
  };
  expect(await read()).toBeNull();
  writeFileSync(path, 'one\n');
  expect(await read()).toBe('one\n');
  appendFileSync(path, 'two\n');
  renameSync(path, `${path}.1`);
  expect(await read()).toBe('two\n');
  writeFileSync(path, 'three\n');
  expect(await read()).toBe('three\n');
  truncateSync(path, 2);
  expect(await read()).toBe('');
  appendFileSync(path, 'new\n');
  expect(await read()).toBe('new\n');
  await file.close();
});

test('attempts are listed in the order of their numbers', () => {
  const { home: folder, log } = home();
  for (const attempt of [10, 9, 1]) writeFileSync(log(attempt), '');
  writeFileSync(join(dirname(log(1)), 'notes.txt'), '');
  expect(loggedAttempts(folder, 'lora')).toEqual([1, 9, 10]);
  expect(loggedAttempts(folder, 'other')).toEqual([]);
});

describe("the daemon's log for people", () => {
  const line = (record: object) => humanLogLine(JSON.stringify(record), painter(false));

  test('time, level, scope, message and further facts', () => {
    const time = new Date(2026, 10, 22, 4, 5, 6).toISOString();
    const text = line({ time, level: 'warn', scope: 'http', message: 'slow', seq: 7, url: '/a b' });
    expect(text).toBe('2026-11-22 04:05:06 warn  http: slow url="/a b"\n');
  });

  test('what is not ours is shown as it stands, and escapes do not reach the terminal', () => {
    expect(humanLogLine('torn {"time"', painter(false))).toBe('torn {"time"');
    expect(line({ level: 'info', message: 'a\u0007b\nc' })).toBe('info  a b c\n');
  });
});
