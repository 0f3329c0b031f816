import { type MailEvent, noMail } from '../mail.js';
import type { Turn } from './turn.js';

/** What the outbox did becomes an event, unless it is about something that is no longer there: the
 * configuration may have changed while a mail was on its way. */
export function onMail(turn: Turn, event: MailEvent): void {
  const mail = turn.state.mail ?? noMail;
  switch (event.type) {
    case 'mail_configured':
      if (event.kinds.join() === mail.kinds.join()) return;
      break;
    case 'mail_queued':
      if (mail.notices[event.key] === undefined) return;
      break;
    default:
      if (!mail.outbox.some(({ id }) => id === event.id)) return;
  }
  turn.emit(event);
}
