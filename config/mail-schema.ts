import { z } from 'zod';
import { key, leafNotes, oneOf, seconds, text, wholeNumber } from './leaves.js';
import { isMap, valueAt } from './path.js';
import type { Finding } from './phrase.js';
import { secret } from './secret.js';

/** What a mail can be about; `daemon/core` knows the same names, and the compiler holds them together. */
export const MAIL_EVENTS = [
  'hang',
  'gave_up',
  'permanent',
  'host_bad',
  'held',
  'finished',
] as const;

type MailEvent = (typeof MAIL_EVENTS)[number];

const ADDRESS = /^[^\s@<>,;"]+@[^\s@<>,;"]+$/;
const NAMED = /^[^<>\r\n]*<([^<>]+)>$/;

/** The bare address of `me@home.net` or `Nightwarden <me@home.net>`; null for anything else. */
export function addressOf(given: string): string | null {
  const address = (NAMED.exec(given.trim())?.[1] ?? given).trim();
  return ADDRESS.test(address) ? address : null;
}

/** A list, or the same as one text with commas: an environment variable holds no list. */
function listOf<T extends string>(type: string, item: string, isItem: (given: string) => boolean) {
  const parts = (given: string | string[]): string[] =>
    typeof given === 'string' ? given.split(',').map((part) => part.trim()) : given;
  const bad = (given: unknown): string | undefined =>
    typeof given === 'string' || Array.isArray(given)
      ? parts(given).find((part) => typeof part === 'string' && !isItem(part))
      : undefined;
  return z
    .union([z.string(), z.array(z.string())])
    .refine((given) => bad(given) === undefined)
    .transform((given) => parts(given) as T[])
    .register(leafNotes, {
      type,
      expects: `${item}, or a list of them`,
      hint: (given) => {
        const wrong = bad(given);
        return wrong === undefined ? null : `Look at ${JSON.stringify(wrong)}.`;
      },
    });
}

const optional = (what: string) => text(what).nullable();

const recipients = listOf<string>('addresses', 'a mail address such as me@example.org', (given) =>
  ADDRESS.test(given),
);
const events = listOf<MailEvent>('list', `one of ${MAIL_EVENTS.join(', ')}`, (given) =>
  (MAIL_EVENTS as readonly string[]).includes(given),
);
const sender = z
  .string()
  .refine((given) => addressOf(given) !== null)
  .register(leafNotes, {
    type: 'address',
    expects: 'a mail address such as me@example.org or Nightwarden <me@example.org>',
  })
  .nullable();

/** Mails by SMTP; on as soon as `host` and `to` are set. */
export const mailSchema = z.strictObject({
  host: key(
    optional('the host name of an SMTP server'),
    null,
    'SMTP server. Mails are sent as soon as host and to are set.',
  ),
  port: key(wholeNumber(1, 65_535), 587, 'Its port: 587 for STARTTLS, 465 for TLS.'),
  security: key(
    oneOf(['auto', 'tls', 'starttls', 'none']),
    'auto',
    'Encryption; auto is tls on port 465, none on loopback without a password, else starttls.',
  ),
  user: key(optional('the name to log in with'), null, 'Name to log in with.'),
  ...secret('password', 'Password to log in with.'),
  from: key(sender, null, 'Sender; the user where that is an address.'),
  to: key(recipients, [], 'Who gets the mails: one address or a list.'),
  events: key(events, [...MAIL_EVENTS], 'What is told.'),
  ca_file: key(
    optional('the path of a PEM file'),
    null,
    'Certificate to trust besides the well-known ones, for a server of your own.',
  ),
  repeat_seconds: key(
    seconds(60),
    3600,
    'The same about the same job is told again after this long at the soonest, while it lasts.',
  ),
  max_per_hour: key(wholeNumber(1), 20, 'More mails than this in an hour wait for the next.'),
  connection_seconds: key(seconds(0.1), 15, 'Longest wait for a connection.'),
  greeting_seconds: key(seconds(0.1), 15, "Longest wait for the server's first word."),
  socket_seconds: key(seconds(0.1), 30, 'Longest silence of the server after that.'),
  send_seconds: key(seconds(0.1), 90, 'Longest time for one whole try.'),
  retry: z
    .strictObject({
      first_seconds: key(seconds(0.01), 10, 'Wait after the first failed try; doubles each time.'),
      max_seconds: key(seconds(0.01), 900, 'Longest wait between two tries.'),
      give_up_seconds: key(seconds(1), 259_200, 'Age at which an unsent mail is given up.'),
    })
    .prefault({}),
});

export type MailConfig = z.output<typeof mailSchema>;

/** Whether a host can only be this machine. */
export function isLoopbackHost(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}

/** The encryption in force, `auto` resolved. */
export function mailSecurity(mail: MailConfig): 'tls' | 'starttls' | 'none' {
  if (mail.security !== 'auto') return mail.security;
  if (mail.port === 465) return 'tls';
  return isLoopbackHost(mail.host ?? '') && mail.password === null ? 'none' : 'starttls';
}

/**
 * What is fine key by key but would send no mail, or a password in the clear. Secrets of files are
 * not read yet, so a password counts as given where its file is named.
 */
export function mailContradictions(mail: MailConfig, given: unknown): Finding[] {
  const found: Finding[] = [];
  const say = (name: string, message: string): void => {
    const wrote = isMap(given) && valueAt(given, ['mail', name]) !== undefined;
    const path = wrote ? ['mail', name] : ['mail'];
    found.push({ path, which: wrote ? 'value' : 'key', message });
  };
  const password = mail.password !== null || mail.password_file !== null;
  if (mail.host === null) {
    if (mail.to.length > 0) say('to', 'mail.host is missing: name the SMTP server too.');
    return found;
  }
  if (mail.to.length === 0) say('host', 'mail.to is missing: say who gets the mails.');
  if (mail.user === null && password)
    say('password_file', 'mail.user is missing: name who logs in with this password.');
  if (mail.user !== null && !password)
    say(
      'user',
      'its password is missing. Set NIGHTWARDEN_MAIL__PASSWORD in the environment, or mail.password_file.',
    );
  if (mail.from === null && addressOf(mail.user ?? '') === null)
    say('user', 'mail.from is missing: name the sender.');
  if (mail.security === 'none' && password && !isLoopbackHost(mail.host))
    say(
      'security',
      `none would send the password to ${mail.host} in the clear. Set starttls or tls, or leave the user and the password out.`,
    );
  if (mail.retry.first_seconds > mail.retry.max_seconds)
    found.push({
      path: ['mail', 'retry'],
      which: 'key',
      message: `the first wait (${mail.retry.first_seconds}) is longer than the longest (${mail.retry.max_seconds}).`,
    });
  return found;
}
