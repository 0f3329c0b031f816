import type { Cause } from './causes.js';

/** What a mail can be about. */
export const MAIL_KINDS = ['hang', 'gave_up', 'permanent', 'host_bad', 'held', 'finished'] as const;

export type MailKind = (typeof MAIL_KINDS)[number];

/**
 * The outbox: what is still to be told, and what waits to be sent. Part of the fold, so that neither
 * a killed daemon nor a compacted journal loses a mail. Absent from the state until mails are set up.
 */
export interface Mail {
  /** What the configuration asks to be told; nothing else is noted. */
  readonly kinds: readonly MailKind[];
  /** Not yet told, by `noticeKey`: what happens again before it is told becomes one mail. */
  readonly notices: Readonly<Record<string, Notice>>;
  /** Put into words and not yet sent, the oldest first. */
  readonly outbox: readonly Letter[];
  /** When something was last told, by `noticeKey`; Unix seconds. */
  readonly told: Readonly<Record<string, number>>;
  /** When each mail of the last hour was queued; Unix seconds. */
  readonly recent: readonly number[];
}

/** Something to be told of one job. */
export interface Notice {
  readonly kind: MailKind;
  readonly job: string;
  readonly cause: Cause | 'done';
  readonly attempt: number;
  /** The journal's number of the latest event it is about. */
  readonly seq: number;
  /** Unix seconds of the first event not yet told, and of the latest. */
  readonly since: number;
  readonly at: number;
  /** Events not yet told. */
  readonly count: number;
  /** Mails already sent while the condition lasts. */
  readonly reminders: number;
  /** Nothing more is to be waited for: how the hang was recovered from is known. */
  readonly settled: boolean;
  /** Of the latest hang; null for the other kinds. */
  readonly hang: HangFacts | null;
}

/** What was seen of a hang and done about it, as far as it is known yet. */
export interface HangFacts {
  readonly phase: string;
  readonly silent_seconds: number;
  readonly why: string;
  readonly evidence: string | null;
  readonly killed: { readonly seconds: number; readonly escalated: boolean } | null;
  readonly resumed: {
    readonly attempt: number;
    readonly step: number | null;
    readonly lost_steps: number;
  } | null;
  /** Seconds from the verdict to the first step after it. */
  readonly recovery_seconds: number | null;
}

/** A mail in its final words. */
export interface Letter {
  /** Its Message-ID without the brackets: the same in every try, so that a mail that was taken
   * twice can be told to be one. */
  readonly id: string;
  readonly kind: MailKind;
  readonly job: string;
  readonly subject: string;
  readonly text: string;
  /** Unix seconds; also its Date. */
  readonly queued_at: number;
  readonly tries: number;
  /** Unix seconds of the last try and of the next; null before the first. */
  readonly tried_at: number | null;
  readonly until: number | null;
  /** What the last try failed at; see MailDeferred. */
  readonly scope: MailScope | null;
  /** Recipients that need it no more: they have it, or were refused for good. */
  readonly done: readonly string[];
}

/**
 * `message`: this mail was put off, others may go. `server`: the server is down, slow or busy, every
 * mail waits. `account`: password, certificate, sender; a person has to mend it, every mail waits
 * long, so that no account gets locked by the tries.
 */
export type MailScope = 'message' | 'server' | 'account';

/** What the outbox itself adds to the journal. */
export type MailEvent =
  | { type: 'mail_configured'; kinds: readonly MailKind[] }
  | {
      type: 'mail_queued';
      /** The notice it puts into words. */
      key: string;
      id: string;
      kind: MailKind;
      job: string;
      subject: string;
      text: string;
    }
  | {
      type: 'mail_sent';
      id: string;
      kind: MailKind;
      job: string;
      tries: number;
      /** The server's own words. */
      answer: string;
      refused: readonly string[];
    }
  | {
      type: 'mail_deferred';
      id: string;
      kind: MailKind;
      job: string;
      tries: number;
      /** Unix seconds of the next try. */
      until: number;
      scope: MailScope;
      why: string;
      done: readonly string[];
    }
  | {
      type: 'mail_given_up';
      id: string;
      kind: MailKind;
      job: string;
      tries: number;
      why: string;
    };

export const noMail: Mail = { kinds: [], notices: {}, outbox: [], told: {}, recent: [] };

export function noticeKey({ kind, cause, job }: Pick<Notice, 'kind' | 'cause' | 'job'>): string {
  return `${kind}/${cause}/${job}`;
}
