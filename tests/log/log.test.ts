import { readFileSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  readdir,
  rename,
  rm,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import { type Log, type LogOptions, openLog } from '../../daemon/log/index.js';
import { Ear, folders, linesOf } from './helpers/folder.js';

const folder = folders();
const opened: Log[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});

async function open(options: Partial<LogOptions> = {}) {
  const dir = options.dir ?? (await folder());
  const ear = new Ear();
  const log = openLog({
    dir,
    level: 'info',
    maxBytes: 1_000_000,
    files: 2,
    foreground: true,
    stream: ear,
    ...options,
  });
  opened.push(log);
  const file = join(dir, 'nightwarden.jsonl');
  return { log, ear, dir, file, end: () => log.close() };
}

describe('the JSON file', () => {
  test('has a line an entry: time, level, scope, message, fields', async () => {
    const { log, end, file } = await open();
    log.info('started', { port: 9787, level: 'shadow' });
    log.child('jobs').child('train').warn('odd');
    log.debug('below the level');
    await end();
    const [first, second, ...rest] = await linesOf(file);
    expect(first).toEqual({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      level: 'info',
      message: 'started',
      port: 9787,
      level_: 'shadow',
    });
    expect(second).toMatchObject({ level: 'warn', scope: 'jobs.train', message: 'odd' });
    expect(rest).toEqual([]);
  });

  test('takes what JSON does not', async () => {
    const { log, end, file } = await open({ level: 'debug' });
    const cycle: Record<string, unknown> = {};
    cycle['self'] = cycle;
    log.debug('cycle', { cycle });
    const error = Object.assign(new Error('no room', { cause: new Error('disk') }), {
      code: 'ENOSPC',
    });
    log.error('failed', { error, big: 2n ** 64n, nothing: undefined });
    await end();
    const [first, second] = await linesOf(file);
    expect(first).toMatchObject({
      message: 'cycle',
      unprintable: expect.stringContaining('circular'),
    });
    expect(second).toMatchObject({
      error: { message: 'no room', code: 'ENOSPC', cause: { message: 'disk' } },
      big: '18446744073709551616',
    });
  });

  test('holds nothing that looks like a secret, nor does stderr', async () => {
    const { log, ear, end, file } = await open();
    log.warn('401 with hf_abcdefghijKLMNOPQRSTUVWXYZ012345', {
      header: 'Authorization: Bearer abcdefghijklmnop1234',
      url: 'smtp://me:hunter2@mail.example:587',
    });
    await end();
    for (const text of [readFileSync(file, 'utf8'), ear.heard]) {
      expect(text).not.toMatch(/hf_abc|abcdefghijklmnop1234|hunter2/);
      expect(text.match(/\(redacted\)/g)).toHaveLength(3);
    }
  });

  test('is rotated by size; the oldest go', async () => {
    const { log, end, dir } = await open({ maxBytes: 4096 });
    for (let n = 0; n < 400; n += 1) log.info('line', { n });
    await end();
    const names = ['nightwarden.jsonl', 'nightwarden.1.jsonl', 'nightwarden.2.jsonl'];
    expect((await readdir(dir)).sort()).toEqual([...names].sort());
    const numbers: unknown[] = [];
    for (const name of names.reverse()) {
      const path = join(dir, name);
      expect(readFileSync(path).length).toBeLessThanOrEqual(4096);
      numbers.push(...(await linesOf(path)).map(({ n }) => n));
    }
    expect(numbers).toEqual(numbers.map((_, i) => 400 - numbers.length + i));
    expect(numbers.length).toBeGreaterThan(80);
  });

  test('goes on at the end of what an earlier daemon left, on a line of its own', async () => {
    const { log, end, dir, file } = await open();
    log.info('one');
    await end();
    await appendFile(file, '{"torn');
    const again = await open({ dir });
    again.log.info('two');
    await again.end();
    expect(readFileSync(file, 'utf8')).toMatch(/"one"}\n\{"torn\n\{.*"two"}\n$/);
  });

  test('goes on where people look when the file was moved, removed or emptied', async () => {
    const { log, end, dir, file, ear } = await open();
    const settled = async (message: string) => {
      log.info(message);
      while (!(await readdir(dir)).includes('nightwarden.jsonl')) await new Promise(setImmediate);
      while (!readFileSync(file, 'utf8').includes(message)) await new Promise(setImmediate);
    };
    await settled('one');
    await rename(file, `${file}.old`);
    await settled('two');
    await rm(file);
    await settled('three');
    await truncate(file);
    await settled('four');
    await end();
    expect((await linesOf(`${file}.old`)).map(({ message }) => message)).toEqual(['one']);
    expect((await linesOf(file)).map(({ message }) => message)).toEqual(['four']);
    expect(ear.heard).not.toContain('cannot');
  });
});

describe('a disk that refuses', () => {
  test('is told once, and the log goes on when there is room again', async () => {
    const dir = join(await folder(), 'logs');
    await writeFile(dir, 'in the way');
    const { log, ear, end, file } = await open({ dir, foreground: false, retryMs: 1 });
    log.info('before');
    await ear.until('cannot write the log file');
    for (let n = 0; n < 5; n += 1) {
      log.info('meanwhile', { n });
      await new Promise(setImmediate);
    }
    expect(ear.heard.match(/cannot write/g)).toHaveLength(1);
    expect(ear.heard).toMatch(/\(E(EXIST|NOTDIR)\); going on without it and trying again\n$/);
    await rm(dir);
    while (!readExisting(file).includes('"n":4')) await new Promise(setImmediate);
    await end();
    const lines = await linesOf(file);
    expect(lines.map(({ message }) => message)).toEqual(['before', ...Array(5).fill('meanwhile')]);
  });

  test('full (ENOSPC): nothing is thrown, closing does not wait for ever', async () => {
    const dir = await folder();
    await symlink('/dev/full', join(dir, 'nightwarden.jsonl'));
    const { log, ear, end } = await open({ dir, foreground: false });
    log.info('one');
    await ear.until('ENOSPC');
    log.fatal('two', new Error('the end'));
    await end();
    expect(ear.heard.match(/cannot write/g)).toHaveLength(1);
    expect(ear.heard).toContain('fatal two error="the end"');
  });

  test('for long: the oldest lines go, and how many is said', async () => {
    const dir = join(await folder(), 'logs');
    await writeFile(dir, 'in the way');
    const { log, ear, end, file } = await open({
      dir,
      foreground: false,
      retryMs: 1,
      maxBytes: 1e8,
    });
    log.info('first');
    await ear.until('cannot write');
    const text = 'x'.repeat(100_000);
    for (let n = 0; n < 60; n += 1) log.info(text, { n });
    await rm(dir);
    while (!readExisting(file).includes('were lost')) await new Promise(setImmediate);
    await end();
    const lines = await linesOf(file);
    const kept = lines.filter(({ n }) => n !== undefined).map(({ n }) => n as number);
    expect(kept.at(-1)).toBe(59);
    // The first line and those of the sixty that are not there.
    expect(lines.at(-1)).toMatchObject({ level: 'warn', lines: 61 - kept.length });
    expect(kept.length * 100_000).toBeLessThanOrEqual(4 * 1024 * 1024);
  });

  test('a folder made only later is made by the log itself', async () => {
    const dir = join(await folder(), 'a', 'b');
    const { log, end, file } = await open({ dir });
    log.info('one');
    await end();
    expect(await linesOf(file)).toHaveLength(1);
    await mkdir(dir, { recursive: true });
  });
});

describe('lines for people', () => {
  test('say time, level, scope, message, key=value', async () => {
    const { log, ear } = await open();
    log.child('http').info('listening', { url: 'http://127.0.0.1:9787', note: 'two words', n: 3 });
    log.error('bad', { error: Object.assign(new Error('no room'), { code: 'ENOSPC' }), list: [1] });
    expect(ear.heard.replace(/^\d\d:\d\d:\d\d /gm, '')).toBe(
      'info  http: listening url=http://127.0.0.1:9787 note="two words" n=3\n' +
        'error bad error="ENOSPC: no room" list=[1]\n',
    );
  });

  test('leave out what the sentence of a journal entry says already', async () => {
    const { log, ear } = await open();
    log.info('a: queued', { event: 'job_queued', seq: 3, job: 'a', attempt: 1 });
    expect(ear.heard).toMatch(/ info {2}a: queued\n$/);
  });

  test("carry none of a trainer's escape sequences and line breaks", async () => {
    const { log, ear } = await open();
    log.warn('it said \u001b[2Jgone\r\n12:00:00 info all is well', { tail: 'a\u0007b\n' });
    expect(ear.heard.split('\n')).toHaveLength(2);
    expect(ear.heard).toContain('\\x1b[2Jgone\\x0d\\n12:00:00 info all is well');
    expect(ear.heard).toContain('tail="a\\u0007b\\n"');
  });

  test('are coloured on a terminal alone, and not with NO_COLOR', async () => {
    const terminal = Object.assign(new Ear(), { isTTY: true });
    const before = process.env['NO_COLOR'];
    try {
      delete process.env['NO_COLOR'];
      (await open({ stream: terminal })).log.warn('one');
      expect(terminal.heard).toContain('\u001b[33mwarn\u001b[0m  one\n');
      const pipe = new Ear();
      (await open({ stream: pipe })).log.warn('one');
      expect(pipe.heard).toMatch(/^\d\d:\d\d:\d\d warn {2}one\n$/);
      process.env['NO_COLOR'] = '1';
      const plain = Object.assign(new Ear(), { isTTY: true });
      (await open({ stream: plain })).log.warn('one');
      expect(plain.heard).toMatch(/^\d\d:\d\d:\d\d warn {2}one\n$/);
    } finally {
      if (before === undefined) delete process.env['NO_COLOR'];
      else process.env['NO_COLOR'] = before;
    }
  });

  test('in the background there are none', async () => {
    const { log, ear, end, file } = await open({ foreground: false });
    log.error('only in the file');
    await end();
    expect(ear.heard).toBe('');
    expect(await linesOf(file)).toHaveLength(1);
  });

  test('a terminal that went away does not end the daemon', async () => {
    const { log, ear, end, file } = await open();
    ear.destroy(Object.assign(new Error('write EIO'), { code: 'EIO' }));
    log.info('unheard');
    await new Promise(setImmediate);
    log.info('unheard too');
    await end();
    expect(await linesOf(file)).toHaveLength(2);
  });
});

test('after closing nothing is written and nothing thrown', async () => {
  const { log, end, file } = await open();
  log.info('one');
  await end();
  log.info('two');
  await end();
  expect(await linesOf(file)).toHaveLength(1);
});

function readExisting(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
