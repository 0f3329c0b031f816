import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { addressOf, type Config, ConfigError, mailSecurity } from '../../config/index.js';
import type { MailKind } from '../core/index.js';
import type { Engine } from '../engine/index.js';
import type { Log } from '../log/index.js';
// Types alone: nodemailer is loaded where mails are set up, and nowhere else.
import type { Notifier, SmtpSettings } from '../notify/index.js';
import { version } from './version.js';

/** The configuration as the mail sender reads it; null where mails are not set up. */
export interface MailSetup {
  readonly smtp: SmtpSettings;
  readonly to: readonly string[];
  readonly kinds: readonly MailKind[];
  readonly rules: Pick<Config['mail'], 'repeat_seconds' | 'max_per_hour' | 'retry'>;
}

/** Throws a ConfigError for a certificate that cannot be read. */
export function mailSetup({ mail }: Pick<Config, 'mail'>, home: string): MailSetup | null {
  const { host, to, events, user, password } = mail;
  const from = mail.from ?? user;
  if (host === null || to.length === 0 || from === null) return null;
  const { port, connection_seconds, greeting_seconds, socket_seconds, send_seconds } = mail;
  return {
    smtp: {
      host,
      port,
      security: mailSecurity(mail),
      user,
      password: () => password?.reveal() ?? null,
      from,
      ca: mail.ca_file === null ? null : certificate(home, mail.ca_file),
      connection_seconds,
      greeting_seconds,
      socket_seconds,
      send_seconds,
    },
    to,
    kinds: events,
    rules: mail,
  };
}

function certificate(home: string, path: string): string {
  const refuse = (got: string): ConfigError =>
    new ConfigError([
      {
        source: 'config/nightwarden.yaml',
        line: null,
        column: null,
        path: 'mail.ca_file',
        message: `expected a readable PEM file with a certificate, got ${path} (${got}).`,
      },
    ]);
  let text: string;
  try {
    text = readFileSync(resolve(home, path), 'utf8');
  } catch (error) {
    throw refuse((error as Error).message);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw refuse('there is none in it');
  return text;
}

/** A Message-ID of the sender's own domain, as mail systems expect it; without the brackets. */
export function newMessageId(from: string): string {
  const domain = addressOf(from)?.split('@')[1] ?? 'localhost';
  return `nightwarden-${randomUUID()}@${domain}`;
}

export interface StartMail {
  readonly setup: MailSetup | null;
  readonly home: string;
  readonly engine: Engine;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly log: Log;
}

/** Puts the outbox to work. Null where mails are not set up; what an earlier configuration left
 * unsent is dropped then. Waits for no disk and no network. */
export async function startMail(options: StartMail): Promise<Notifier | null> {
  const { setup, engine, home, clock, log } = options;
  const failed = (doing: string, error: Error): void =>
    log.error(`${doing}: ${error.message}`, { stack: error.stack });
  if (setup === null) {
    if (engine.state.mail !== undefined)
      engine
        .observe({ is: 'mail', event: { type: 'mail_configured', kinds: [] } })
        .catch((error: Error) => failed('switching mails off', error));
    return null;
  }
  const { compose, createNotifier, createSend } = await import('../notify/index.js');
  const at = { home, host: hostname(), version: version() };
  const notifier = createNotifier({
    engine,
    kinds: setup.kinds,
    to: setup.to,
    rules: setup.rules,
    compose: (notice, job, wall) => compose(notice, job, wall, at),
    send: createSend(setup.smtp),
    newId: () => newMessageId(setup.smtp.from),
    clock,
    random: Math.random,
    timer: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
    onError: failed,
  });
  notifier.start();
  return notifier;
}
