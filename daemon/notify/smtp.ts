import { rootCertificates } from 'node:tls';
import { createTransport } from 'nodemailer';
import type SMTPTransport from 'nodemailer/lib/smtp-transport';
import { type Outcome, ofAccepted, ofFailure, type SmtpError } from './outcome.js';

export interface SmtpSettings {
  readonly host: string;
  readonly port: number;
  /** `none` goes in the clear, even if the server offers more. */
  readonly security: 'tls' | 'starttls' | 'none';
  readonly user: string | null;
  /** Asked for at each try, and not kept. */
  readonly password: () => string | null;
  readonly from: string;
  /** PEM of a certificate to trust besides the well-known ones. */
  readonly ca: string | null;
  readonly connection_seconds: number;
  readonly greeting_seconds: number;
  readonly socket_seconds: number;
  /** For the whole try: a server that says a word now and then never runs into the others. */
  readonly send_seconds: number;
}

export interface Message {
  /** Without the brackets. */
  readonly id: string;
  /** Everyone it is for, as the mail says, and those it goes to in this try. */
  readonly to: readonly string[];
  readonly left: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** Unix seconds. */
  readonly date: number;
}

export type Send = (message: Message, cancel: AbortSignal) => Promise<Outcome>;

/** One try to hand a mail to the server. Never throws, and ends within `send_seconds`. */
export function createSend(settings: SmtpSettings): Send {
  return async (message, cancel) => {
    // Not AbortSignal.any: Node 20 may collect a timeout that only it refers to.
    const ended = new AbortController();
    let late = false;
    const limit = setTimeout(() => {
      late = true;
      ended.abort();
    }, settings.send_seconds * 1000);
    const abort = (): void => ended.abort();
    cancel.addEventListener('abort', abort, { once: true });
    if (cancel.aborted) abort();
    const password = settings.password();
    const transport = createTransport(optionsOf(settings, password));
    try {
      const info = await transport.sendMail({
        messageId: `<${message.id}>`,
        date: new Date(message.date * 1000),
        from: settings.from,
        to: [...message.to],
        envelope: { from: settings.from, to: [...message.left] },
        subject: message.subject,
        text: message.text,
        // RFC 3834: no out-of-office reply to a machine.
        headers: { 'Auto-Submitted': 'auto-generated' },
        disableFileAccess: true,
        disableUrlAccess: true,
        signal: ended.signal,
      });
      return hiding(ofAccepted(info as never), settings.user, password);
    } catch (error) {
      if (late) return tooLong(settings.send_seconds);
      return hiding(ofFailure(error as SmtpError), settings.user, password);
    } finally {
      clearTimeout(limit);
      cancel.removeEventListener('abort', abort);
      transport.close();
    }
  };
}

function optionsOf(settings: SmtpSettings, password: string | null): SMTPTransport.Options {
  const { host, port, security, user, ca } = settings;
  return {
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(user === null || password === null ? {} : { auth: { user, pass: password } }),
    tls: { minVersion: 'TLSv1.2', ...(ca === null ? {} : { ca: [...rootCertificates, ca] }) },
    connectionTimeout: settings.connection_seconds * 1000,
    dnsTimeout: settings.connection_seconds * 1000,
    greetingTimeout: settings.greeting_seconds * 1000,
    socketTimeout: settings.socket_seconds * 1000,
  };
}

const tooLong = (seconds: number): Outcome => ({
  is: 'later',
  scope: 'server',
  why: `the server had not taken it after ${seconds} s`,
  remedy: '',
  done: [],
});

/** Servers echo what they like; a reason is journalled and logged. */
function hiding(outcome: Outcome, user: string | null, password: string | null): Outcome {
  if (password === null) return outcome;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  // As it is, and as AUTH LOGIN and AUTH PLAIN send it.
  const forms = [password, base64(password), base64(`\0${user}\0${password}`)];
  const clean = (text: string): string =>
    forms.reduce((rest, form) => rest.replaceAll(form, '(secret)'), text);
  return outcome.is === 'sent'
    ? { ...outcome, answer: clean(outcome.answer) }
    : { ...outcome, why: clean(outcome.why) };
}
