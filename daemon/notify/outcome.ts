import type { MailScope } from '../core/index.js';

/** What came of one try. `accepted` and `refused` are addresses. */
export type Outcome =
  | {
      readonly is: 'sent';
      readonly answer: string;
      readonly accepted: readonly string[];
      readonly refused: readonly string[];
    }
  | {
      readonly is: 'later';
      readonly scope: MailScope;
      readonly why: string;
      readonly remedy: string;
      /** Recipients that need no other try. */
      readonly done: readonly string[];
    }
  | { readonly is: 'refused'; readonly why: string; readonly remedy: string };

/** What nodemailer says of a failure; all of it optional, since any other error may come too. */
export interface SmtpError {
  readonly message: string;
  readonly code?: string;
  /** The system's own code where `code` is nodemailer's. */
  readonly originalCode?: string;
  readonly responseCode?: number;
  readonly response?: string;
  /** The SMTP command that was answered so, `CONN` before the first. */
  readonly command?: string;
  readonly recipient?: string;
  readonly rejectedErrors?: readonly SmtpError[];
}

/** The result of a try that the server took for at least one recipient. */
export interface SmtpInfo {
  readonly accepted: readonly unknown[];
  readonly rejectedErrors?: readonly SmtpError[];
  readonly response: string;
}

const ACCOUNT: Readonly<Record<string, string>> = {
  EAUTH: 'Check mail.user and the password; many providers want an app password.',
  ENOAUTH: 'Check mail.user and the password.',
  ETLS: 'The server offers no STARTTLS here: try port 465 with mail.security tls.',
};
const CERTIFICATE = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|HOSTNAME_MISMATCH)/;
const SPOKE_NO_TLS = /^(ERR_SSL|EPROTO)/;

/** Taken for some: whoever was put off is tried again, whoever was refused for good is not. */
export function ofAccepted(info: SmtpInfo): Outcome {
  const accepted = info.accepted.map(String);
  const errors = info.rejectedErrors ?? [];
  const [refused, putOff] = [errors.filter(isPermanent), errors.filter((e) => !isPermanent(e))];
  const names = (list: readonly SmtpError[]) => list.map(({ recipient = '?' }) => recipient);
  if (putOff.length === 0)
    return { is: 'sent', answer: info.response, accepted, refused: names(refused) };
  return {
    is: 'later',
    scope: 'message',
    why: `not yet taken for ${names(putOff).join(', ')}: ${said(putOff[0])}`,
    remedy: '',
    done: [...accepted, ...names(refused)],
  };
}

/**
 * Tells a refusal that another try will not mend from one that it may. RFC 5321, 4.2.1: 4yz replies
 * are transient, 5yz permanent. A permanent one is about this mail alone where it answers RCPT or
 * DATA, and about every mail where it answers anything before.
 */
export function ofFailure(error: SmtpError): Outcome {
  const { code = '', originalCode = '', responseCode, command = '' } = error;
  const why = said(error);
  const later = (scope: MailScope, remedy = '', done: readonly string[] = []): Outcome => ({
    is: 'later',
    scope,
    why,
    remedy,
    done,
  });
  const aboutThisMail = /^(RCPT TO|DATA)/.test(command) && code !== 'ECONNECTION';
  if (CERTIFICATE.test(originalCode))
    return later('account', 'Its certificate is not trusted: see mail.ca_file and mail.host.');
  if (SPOKE_NO_TLS.test(originalCode))
    return later(
      'account',
      'It does not speak TLS on this port: 587 is for starttls, 465 for tls.',
    );
  if (aboutThisMail && isPermanent(error)) {
    const putOff = (error.rejectedErrors ?? []).some((one) => !isPermanent(one));
    if (!putOff)
      return { is: 'refused', why, remedy: 'Check mail.to, and what the server says of it.' };
  }
  if (aboutThisMail && responseCode !== undefined) {
    const refused = (error.rejectedErrors ?? []).filter(isPermanent);
    return later(
      'message',
      '',
      refused.map(({ recipient = '?' }) => recipient),
    );
  }
  // Without an answer of the server it is the connection that failed, whatever was being said.
  if (responseCode === undefined && code !== 'EAUTH' && code !== 'ENOAUTH') return later('server');
  if (responseCode !== undefined && !isPermanent(error)) return later('server');
  if (command === 'MAIL FROM')
    return later(
      'account',
      'The server does not take mail from this sender: check mail.from and mail.user.',
    );
  return later('account', ACCOUNT[code] ?? 'The server wants no mail from here.');
}

/** 503 says that the session was out of step, not that the mail was refused. */
function isPermanent({ responseCode = 0 }: SmtpError): boolean {
  return responseCode >= 500 && responseCode < 600 && responseCode !== 503;
}

/** In one line. nodemailer's message ends in the server's answer where there was one. */
function said(error: SmtpError | undefined): string {
  if (error === undefined) return 'no reason given';
  const { originalCode, message, code } = error;
  const text = message.replace(/\s+/g, ' ').trim() || (code ?? 'no reason given');
  const hidden = originalCode !== undefined && !text.includes(originalCode);
  return clip(hidden ? `${text} (${originalCode})` : text);
}

function clip(text: string): string {
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
