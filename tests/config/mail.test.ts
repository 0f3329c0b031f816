import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { addressOf, loadConfig, mailSecurity } from '../../config/index.js';
import { complaints, TestHome } from './home.js';

let home: TestHome;
beforeEach(() => {
  home = new TestHome();
});
afterEach(() => home.remove());

const load = (env: NodeJS.ProcessEnv = {}) => loadConfig({ home: home.path, env }).mail;
const FILE = 'config/nightwarden.yaml';

test('nothing set sends nothing', () => {
  expect(load()).toMatchObject({ host: null, to: [], port: 587, password: null });
});

test('host and recipients are enough; one recipient or several, in a file or by environment', () => {
  home.config('mail: {host: smtp.example.org, to: me@example.org, from: nw@example.org}\n');
  expect(load().to).toEqual(['me@example.org']);
  expect(load({ NIGHTWARDEN_MAIL__TO: 'a@example.org, b@example.org' }).to).toEqual([
    'a@example.org',
    'b@example.org',
  ]);
  home.config('mail: {host: smtp.example.org, to: [a@b.c, d@e.f], from: "Night <nw@b.c>"}\n');
  expect(load().to).toEqual(['a@b.c', 'd@e.f']);
  expect(load({ NIGHTWARDEN_MAIL__HOST: 'other.example.org' }).host).toBe('other.example.org');
});

test('the password comes from the environment or from a file', () => {
  home.write('secrets/mail', 'hunter2\n');
  const base = 'host: smtp.example.org, to: me@example.org, user: me@example.org';
  home.config(`mail: {${base}, password_file: secrets/mail}\n`);
  expect(load().password?.reveal()).toBe('hunter2');
  home.config(`mail: {${base}}\n`);
  expect(load({ NIGHTWARDEN_MAIL__PASSWORD: '0123' }).password?.reveal()).toBe('0123');
  home.config(`mail: {${base}, password: hunter2}\n`);
  expect(complaints(load)[0]).toMatch(/mail\.password: a secret is not written into this file/);
});

test.each([
  ['to: nobody', 'mail.to: expected a mail address such as me@example.org, or a list of them'],
  ['to: [a@b.c, nobody]', 'Look at "nobody".'],
  ['to: [a@b.c, 3]', 'mail.to: expected a mail address such as me@example.org'],
  ['events: [hang, crash]', 'mail.events: expected one of hang, gave_up, permanent'],
  ['security: ssl', 'mail.security: expected one of auto, tls, starttls, none, got "ssl".'],
  ['port: 0', 'mail.port: expected a whole number from 1 to 65535, got 0.'],
  ['from: Nightwarden', 'mail.from: expected a mail address'],
  ['hosts: x', 'mail.hosts: unknown key. Did you mean mail.host?'],
  ['send_seconds: 1m', 'mail.send_seconds: expected a number of seconds'],
])('refused with its place: %s', (line, said) => {
  home.config(`mail:\n  ${line}\n`);
  const [complaint = ''] = complaints(load);
  expect(complaint).toMatch(new RegExp(`^${FILE.replaceAll('.', '\\.')}:2:`));
  expect(complaint).toContain(said);
});

test.each([
  ['host: h', `${FILE}:1:14  mail.host: mail.to is missing: say who gets the mails.`],
  ['to: a@b.c', `${FILE}:1:12  mail.to: mail.host is missing: name the SMTP server too.`],
  [
    'host: h, to: a@b.c, user: me',
    `${FILE}:1:34  mail.user: its password is missing. Set NIGHTWARDEN_MAIL__PASSWORD in the environment, or mail.password_file.`,
  ],
  ['host: h, to: a@b.c', `${FILE}:1:7  mail: mail.from is missing: name the sender.`],
])('refused together: %s', (keys, said) => {
  home.config(`mail: {${keys}}\n`);
  expect(complaints(load)).toContain(said);
});

test('a password never goes over the network in the clear; over loopback it may, if asked for', () => {
  const env = { NIGHTWARDEN_MAIL__PASSWORD: 'hunter2' };
  const of = (host: string, more = '') =>
    `mail: {host: ${host}, to: a@b.c, user: me@b.c, port: 25${more}}\n`;
  home.config(of('relay.lan', ', security: none'));
  expect(complaints(() => load(env))).toEqual([
    `${FILE}:1:70  mail.security: none would send the password to relay.lan in the clear. Set starttls or tls, or leave the user and the password out.`,
  ]);
  home.config(of('127.0.0.1', ', security: none'));
  expect(mailSecurity(load(env))).toBe('none');
  home.config(of('127.0.0.1'));
  expect(mailSecurity(load(env))).toBe('starttls');
});

test.each([
  ['host: relay.lan, to: a@b.c, from: a@b.c', 'starttls'],
  ['host: relay.lan, port: 465, to: a@b.c, from: a@b.c', 'tls'],
  ['host: localhost, port: 25, to: a@b.c, from: a@b.c', 'none'],
  ['host: relay.lan, port: 25, security: none, to: a@b.c, from: a@b.c', 'none'],
  ['host: relay.lan, port: 2465, security: tls, to: a@b.c, from: a@b.c', 'tls'],
])('%s: %s', (keys, security) => {
  home.config(`mail: {${keys}}\n`);
  expect(mailSecurity(load())).toBe(security);
});

test.each([
  ['me@b.c', 'me@b.c'],
  ['Night Warden <me@b.c>', 'me@b.c'],
  ['Night Warden', null],
  ['a@b.c, d@e.f', null],
  ['me@b.c\r\nBcc: x@y.z', null],
])('the address of %j is %j', (given, address) => {
  expect(addressOf(given)).toBe(address);
});
