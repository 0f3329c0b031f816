import { inspect } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import { loadSettings, Secret, secret } from '../../config/index.js';
import { complaints, TestHome } from './home.js';

const schema = z.strictObject({
  mail: z.strictObject({ ...secret('password', 'Password of the mail account.') }).prefault({}),
});

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home.remove());

const load = (env: NodeJS.ProcessEnv = {}) => loadSettings(schema, { home: home.path, env });

test('nothing given is no secret', () => {
  expect(load().mail).toEqual({ password: null, password_file: null });
});

test.each(['hunter2', '0123', 'true', 'a: b', '*x'])(
  'the environment gives it as it stands: %s',
  (text) => {
    expect(load({ NIGHTWARDEN_MAIL__PASSWORD: text }).mail.password?.reveal()).toBe(text);
  },
);

test('a file gives it without its line end; the environment wins over the file', () => {
  home.write('secrets/mail', 'hunter2\n');
  home.config('mail: {password_file: secrets/mail}\n');
  expect(load().mail.password?.reveal()).toBe('hunter2');
  expect(load({ NIGHTWARDEN_MAIL__PASSWORD: 'other' }).mail.password?.reveal()).toBe('other');
});

test.each(['hunter2', '[hunter2]', '12345', ''])(
  'a literal in YAML is refused and not repeated: %s',
  (text) => {
    home.config(`mail:\n  password: ${text}\n`);
    expect(complaints(load)).toEqual([
      'config/nightwarden.yaml:2:3  mail.password: a secret is not written into this file. Set NIGHTWARDEN_MAIL__PASSWORD in the environment, or mail.password_file to the path of a file that holds it.',
    ]);
  },
);

test('a file that is missing or empty is named with its key', () => {
  home.config('mail:\n  password_file: secrets/mail\n');
  expect(complaints(load)[0]).toMatch(
    /^config\/nightwarden\.yaml:2:18 {2}mail\.password_file: expected a readable file .* secrets\/mail \(ENOENT/,
  );
  home.write('secrets/mail', '\n');
  expect(complaints(load)[0]).toContain('(the file is empty)');
  home.config('');
  expect(complaints(() => load({ NIGHTWARDEN_MAIL__PASSWORD_FILE: 'none' }))[0]).toMatch(
    /^NIGHTWARDEN_MAIL__PASSWORD_FILE \(environment\): mail\.password_file: expected a readable/,
  );
});

test('printing a secret does not give it away', () => {
  const it = new Secret('hunter2');
  const printed = [String(it), `${it}`, JSON.stringify({ it }), inspect({ it }), inspect(it)];
  expect(printed.join(' ')).not.toContain('hunter2');
  expect(it.reveal()).toBe('hunter2');
});
