import type { Entry, State } from '../../core/index.js';
import type { Catalogue } from './catalogue.js';

const OUTCOMES = ['queued', 'sent', 'deferred', 'blocked', 'given_up'] as const;

/** Mails by what came of them; `blocked` waits for a person: the password, the certificate, the sender. */
export function countMail(notified: Catalogue['other']['notified'], entry: Entry): void {
  const outcome = outcomeOf(entry);
  if (outcome !== null) notified.inc({ channel: 'email', outcome });
}

function outcomeOf(entry: Entry): (typeof OUTCOMES)[number] | null {
  switch (entry.type) {
    case 'mail_queued':
      return 'queued';
    case 'mail_sent':
      return 'sent';
    case 'mail_deferred':
      return entry.scope === 'account' ? 'blocked' : 'deferred';
    case 'mail_given_up':
      return 'given_up';
    default:
      return null;
  }
}

/** Every outcome has a sample from the first, zero where it did not happen: increase() does not see
 * a series appear. */
export function writeMail(
  { notified, unsent }: Pick<Catalogue['other'], 'notified' | 'unsent'>,
  { mail }: State,
): void {
  unsent.set(mail?.outbox.length ?? 0);
  if (mail === undefined || mail.kinds.length === 0) return;
  for (const outcome of OUTCOMES) notified.inc({ channel: 'email', outcome }, 0);
}
