import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ConfigError, loadConfig } from '../../config/index.js';
import { complaints, TestHome } from './home.js';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home.remove());

const load = (env: NodeJS.ProcessEnv = {}) => loadConfig({ home: home.path, env });
const F = 'config/nightwarden.yaml';

describe('where settings come from', () => {
  test('without a file the defaults are in force', () => {
    const config = load();
    expect(config.http).toEqual({ host: '127.0.0.1', port: 9787 });
    expect(config.log.trainer_max_bytes).toBe(256 * 2 ** 20);
    expect(config.hang.defaults.cache).toBe(14_400);
    expect(config.hang.ceilings.validate).toBe(14_400);
    expect(config.retry.limits).toEqual({
      crash: 5,
      hang: 5,
      oom: 3,
      host_oom: 3,
      disk_full: 5,
      nan: 2,
      network: 100,
      corrupt: 5,
      exit_early: 2,
      unknown: 5,
    });
  });

  test.each([
    ['empty', ''],
    ['only comments', '# nothing yet\n'],
    ['an explicit null', '~\n'],
    ['a document mark', '---\n'],
    ['sections without keys', 'http:\nhang:\n  defaults:\n  # step: 3\n'],
    ['a byte order mark', '\ufeff# x\n'],
  ])('a file that is %s means the defaults', (_, text) => {
    const defaults = load();
    home.config(text);
    expect(load()).toEqual(defaults);
  });

  test('environment wins over file, file over defaults', () => {
    home.config('http: {host: 0.0.0.0, port: 1000}\n');
    const config = load({ NIGHTWARDEN_HTTP__PORT: '2000' });
    expect(config.http).toEqual({ host: '0.0.0.0', port: 2000 });
    expect(config.log.files).toBe(5);
  });

  test('a bad value in the file is refused even where the environment overrides it', () => {
    home.config('http: {port: abc}\n');
    expect(complaints(() => load({ NIGHTWARDEN_HTTP__PORT: '2000' }))).toEqual([
      `${F}:1:14  http.port: expected a whole number from 0 to 65535, got "abc".`,
    ]);
  });

  test('anchors and references are followed', () => {
    home.config('hang:\n  defaults: {load: &long 1700, sample: *long}\n');
    expect(load().hang.defaults.sample).toBe(1700);
  });
});

describe('what a file is refused for', () => {
  test('all problems are named at once, in the order of the file', () => {
    home.config(
      [
        'http:',
        '  port: abc',
        '  host:',
        'hang:',
        '    flor_seconds: 3',
        '    grace_seconds: 1',
        '    floor: 3',
        '    defaults: {step: 10m, load: .inf}',
        '    factor: 0',
        'zzzzzz: 1',
        'log: {level: trace, max_bytes: 64M, files: 1.5}',
        'kill: []',
        'watch: {polling: yes}',
        'evidence: 3',
        'http.port: 1',
      ].join('\n'),
    );
    expect(complaints(load)).toEqual([
      `${F}:2:9  http.port: expected a whole number from 0 to 65535, got "abc".`,
      `${F}:3:3  http.host: expected a host name or address, got nothing.`,
      `${F}:5:5  hang.flor_seconds: unknown key. Did you mean hang.floor_seconds?`,
      `${F}:6:5  hang.grace_seconds: unknown key. Did you mean kill.grace_seconds?`,
      `${F}:7:5  hang.floor: unknown key. Did you mean hang.floor_seconds?`,
      `${F}:8:22  hang.defaults.step: expected a number of seconds from 0 to 2000000, got "10m". Write 600, without a unit.`,
      `${F}:8:33  hang.defaults.load: expected a number of seconds from 0 to 2000000, got Infinity.`,
      `${F}:9:13  hang.factor: expected a number of at least 1, got 0.`,
      `${F}:10:1  zzzzzz: unknown key. Known at the top level: http, log, watch, hang, kill, evidence, retry, checkpoints, scheduler, download, deliver, journal, mail.`,
      `${F}:11:14  log.level: expected one of error, warn, info, debug, got "trace".`,
      `${F}:11:32  log.max_bytes: expected a size of at least 1KiB such as 64MiB, 2GB or a number of bytes, got "64M". Write 64MiB for powers of 1024 or 64MB for powers of 1000.`,
      `${F}:11:44  log.files: expected a whole number from 1 to 1000, got 1.5.`,
      `${F}:12:7  kill: expected a section with keys such as grace_seconds, got an empty list.`,
      `${F}:13:18  watch.polling: expected auto, true or false, got "yes".`,
      `${F}:14:11  evidence: expected a section with keys such as limit_seconds, got 3.`,
      `${F}:15:1  http.port: unknown key. Write it in sections: "http:" and, indented under it, "port".`,
    ]);
  });

  test('problems are also there as data', () => {
    home.config('http:\n  prt: 1\n');
    try {
      load();
      throw new Error('was accepted');
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).problems).toEqual([
        {
          source: F,
          line: 2,
          column: 3,
          path: 'http.prt',
          message: 'unknown key. Did you mean http.port?',
        },
      ]);
    }
  });

  test.each([
    ['a tab', 'a:\n\tb: 1', '2:1', 'Use spaces'],
    ['an open bracket', 'http: {port: 1\nlog: 2', '2:1', 'a bracket is not closed'],
    ['an open quote', 'http: {host: "x', '1:', 'quote'],
    ['two keys on a line', 'http: port: 3', '1:7', 'on a line of its own'],
    ['a missing colon', 'http\nlog: 2', '1:1', 'A colon is missing'],
    ['a reserved character', 'http: {host: @x}', '1:14', 'Put the value in quotes'],
    ['a bad escape', 'http: {host: "\\d"}', '1:', 'Use single quotes'],
    ['a second document', 'http:\n---\nlog:\n', '2:1', 'remove this "---"'],
    ['a reference to nothing', 'http: {host: *all}', '1:14', "put it in quotes: '*all'"],
    ['a stray bracket', 'http: {port: 1}}', '1:16', 'this does not fit here'],
  ])('syntax: %s', (_, text, place, remedy) => {
    home.config(text);
    const lines = complaints(load);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`${F}:${place}`);
    expect(lines[0]).toContain(remedy);
  });

  test('a doubled key is named together with the other mistakes', () => {
    home.config('http:\n  port: 1\n  port: x\nlog:\n  files: 0\n');
    expect(complaints(load)).toEqual([
      `${F}:3:3  this key stands twice in the same section. Keep one of the two.`,
      `${F}:3:9  http.port: expected a whole number from 0 to 65535, got "x".`,
      `${F}:5:10  log.files: expected a whole number from 1 to 1000, got 0.`,
    ]);
  });

  test.each(['- http', 'just text', '42'])('a file that is no map of keys: %s', (text) => {
    home.config(text);
    expect(complaints(load)[0]).toMatch(/:1:1 {2}expected a section with keys such as http, got /);
  });

  test('references that grow without bound', () => {
    const rows = ['a: &a [x, x, x, x, x, x, x, x, x, x]'];
    for (const [i, name] of [...'bcdefg'].entries()) {
      const earlier = 'abcdefg'[i];
      rows.push(`${name}: &${name} [${Array(10).fill(`*${earlier}`).join(', ')}]`);
    }
    home.config(rows.join('\n'));
    expect(complaints(load)[0]).toContain('cannot be read');
  });

  test('a key named after the prototype is a key like any other', () => {
    home.config('__proto__: {port: 1}\nhttp: {constructor: 3}\n');
    expect(complaints(load)).toEqual([
      expect.stringContaining('__proto__: unknown key.'),
      expect.stringContaining('http.constructor: unknown key.'),
    ]);
    expect(({} as Record<string, unknown>)['port']).toBeUndefined();
  });

  test('a folder in place of the file', () => {
    mkdirSync(join(home.path, F), { recursive: true });
    expect(complaints(load)).toEqual([`${F}: expected a file, got a folder.`]);
  });
});

describe('settings that contradict each other', () => {
  test('a budget raised above its ceiling, and a first wait above the longest', () => {
    home.config('hang: {defaults: {step: 7200}}\nretry:\n  backoff:\n    first_seconds: 100\n');
    expect(complaints(load)).toEqual([
      `${F}:1:25  hang.defaults.step: 7200 is above hang.ceilings.step (3600), which would cut it. Raise that ceiling too, or lower this.`,
      `${F}:4:20  retry.backoff.first_seconds: the first wait (100) is longer than the longest (60). Set first_seconds and max_seconds so that they fit.`,
    ]);
  });

  test('the longest wait is named when it is the one that was set', () => {
    expect(complaints(() => load({ NIGHTWARDEN_RETRY__BACKOFF__MAX_SECONDS: '0.5' }))[0]).toContain(
      'NIGHTWARDEN_RETRY__BACKOFF__MAX_SECONDS (environment): retry.backoff.max_seconds: the first',
    );
  });

  test('the variable is named when it raised the budget', () => {
    home.config('http: {port: 1}\n');
    expect(complaints(() => load({ NIGHTWARDEN_HANG__DEFAULTS__STEP: '9999' }))[0]).toContain(
      'NIGHTWARDEN_HANG__DEFAULTS__STEP (environment): hang.defaults.step: 9999 is above',
    );
  });

  test('a ceiling lowered below a default budget is accepted, since it cuts', () => {
    home.config('hang: {ceilings: {step: 30}}\n');
    const { hang } = load();
    expect([hang.defaults.step, hang.ceilings.step]).toEqual([900, 30]);
  });
});
