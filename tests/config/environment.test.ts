import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  describeConfig,
  loadConfig,
  RESERVED_VARIABLES,
  variableName,
} from '../../config/index.js';
import { complaints, TestHome } from './home.js';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home.remove());

const load = (env: NodeJS.ProcessEnv) => loadConfig({ home: home.path, env });

/** They need each other; tests/config/mail.test.ts sets them together. */
const TOGETHER = ['mail.host', 'mail.to', 'mail.password', 'mail.password_file'];
const single = describeConfig().filter(({ path }) => !TOGETHER.includes(path));

test.each(single)('$path is set by its variable', ({ path, default: fallback }) => {
  const other: Record<string, string> = {
    'log.level': 'debug',
    'watch.polling': 'true',
    'mail.security': 'tls',
    'mail.from': 'me@example.org',
    'mail.events': 'hang,finished',
    'mail.user': 'me',
    'mail.ca_file': 'ca.pem',
    scheduler: 'true',
    'deliver.by': 'link',
  };
  // A budget may come up to its ceiling, and the longest wait may not fall below the first.
  const value = other[path] ?? (path === 'http.host' ? '::1' : changed(fallback));
  const config = load({ [variableName(path)]: value }) as unknown;
  const got = path.split('.').reduce<unknown>((v, k) => (v as Record<string, unknown>)[k], config);
  const defaults = load({}) as unknown;
  const was = path
    .split('.')
    .reduce<unknown>((v, k) => (v as Record<string, unknown>)[k], defaults);
  expect(got).not.toEqual(was);
  expect(String(got)).toBe(
    value.endsWith('MiB') ? String(Number.parseInt(value, 10) * 2 ** 20) : value,
  );
});

function changed(fallback: unknown): string {
  const size = /^(\d+)MiB$/.exec(String(fallback));
  return size ? `${Number(size[1]) + 1}MiB` : String(Number(fallback) + 1);
}

test('names are matched in any case', () => {
  expect(load({ nightwarden_Http__port: '5' }).http.port).toBe(5);
});

test('values are YAML scalars; what is no scalar is text', () => {
  const config = load({
    NIGHTWARDEN_WATCH__POLLING: 'false',
    NIGHTWARDEN_LOG__MAX_BYTES: '1.5 GiB',
    NIGHTWARDEN_KILL__GRACE_SECONDS: '1e1',
    NIGHTWARDEN_HTTP__HOST: '*',
  });
  expect(config.watch.polling).toBe(false);
  expect(config.log.max_bytes).toBe(1.5 * 2 ** 30);
  expect(config.kill.grace_seconds).toBe(10);
  expect(config.http.host).toBe('*');
});

test('an empty variable counts as unset', () => {
  home.config('http: {port: 1000}\n');
  expect(load({ NIGHTWARDEN_HTTP__PORT: '' }).http.port).toBe(1000);
});

test('reserved names, and those Kubernetes makes for a Service, are no settings', () => {
  const env = Object.fromEntries(RESERVED_VARIABLES.map((name) => [name, 'x']));
  const service = {
    NIGHTWARDEN_PORT: 'tcp://10.0.0.1:9787',
    NIGHTWARDEN_PORT_9787_TCP: 'tcp://10.0.0.1:9787',
    NIGHTWARDEN_PORT_9787_TCP_ADDR: '10.0.0.1',
    NIGHTWARDEN_SERVICE_HOST: '10.0.0.1',
    NIGHTWARDEN_SERVICE_PORT_HTTP: '9787',
  };
  expect(load({ ...env, ...service })).toEqual(load({}));
});

test('every bad variable is named at once', () => {
  const lines = complaints(() =>
    load({
      NIGHTWARDEN_HTTP__PORT: 'abc',
      NIGHTWARDEN_HTTP__PRT: '3',
      NIGHTWARDEN_HTTP_PORT: '3',
      NIGHTWARDEN_HANG: '3',
      NIGHTWARDEN_PORT: '9787',
      NIGHTWARDEN_LOG__FILES: '3',
      Nightwarden_log__files: '4',
    }),
  );
  expect(lines.sort()).toEqual([
    'NIGHTWARDEN_HANG (environment): hang: this is a section. Set one of its keys, for example NIGHTWARDEN_HANG__FLOOR_SECONDS.',
    'NIGHTWARDEN_HTTP_PORT (environment): http_port: unknown key. Did you mean NIGHTWARDEN_HTTP__PORT (http.port)?',
    'NIGHTWARDEN_HTTP__PORT (environment): http.port: expected a whole number from 0 to 65535, got "abc".',
    'NIGHTWARDEN_HTTP__PRT (environment): http.prt: unknown key. Did you mean NIGHTWARDEN_HTTP__PORT (http.port)?',
    'NIGHTWARDEN_PORT (environment): port: unknown key. Did you mean NIGHTWARDEN_HTTP__PORT (http.port) or NIGHTWARDEN_MAIL__PORT (mail.port)?',
    'Nightwarden_log__files (environment): log.files: NIGHTWARDEN_LOG__FILES sets the same key. Keep one of the two.',
  ]);
});

test('problems of the file and of the environment are told together', () => {
  home.config('http: {prt: 1}\n');
  expect(complaints(() => load({ NIGHTWARDEN_LOG__LEVEL: 'loud' }))).toEqual([
    'config/nightwarden.yaml:1:8  http.prt: unknown key. Did you mean http.port?',
    'NIGHTWARDEN_LOG__LEVEL (environment): log.level: expected one of error, warn, info, debug, got "loud".',
  ]);
});
