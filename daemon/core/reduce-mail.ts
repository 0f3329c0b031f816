import type { Entry, EventOf } from './events.js';
import { type HangFacts, type Letter, type Mail, type Notice, noMail, noticeKey } from './mail.js';

const HOUR = 3600;
/** A rule of "at most once an hour" needs no longer memory. */
const TOLD_KEPT = 7 * 24 * HOUR;

/** The fold of the outbox. Gives the same object back where an entry is none of its business. */
export function reduceMail(mail: Mail, entry: Entry): Mail {
  switch (entry.type) {
    case 'mail_configured':
      return configured(mail, entry);
    case 'mail_queued':
      return queued(mail, entry);
    case 'mail_deferred':
      return { ...mail, outbox: mail.outbox.map((letter) => deferred(letter, entry)) };
    case 'mail_sent':
    case 'mail_given_up':
      return { ...mail, outbox: mail.outbox.filter(({ id }) => id !== entry.id) };
    case 'hang_confirmed':
      return note(mail, entry, {
        kind: 'hang',
        cause: 'hang',
        attempt: entry.attempt,
        settled: false,
        hang: {
          phase: entry.phase,
          silent_seconds: entry.silent_seconds,
          why: entry.why,
          evidence: null,
          killed: null,
          resumed: null,
          recovery_seconds: null,
        },
      });
    case 'evidence_saved':
    case 'trainer_killed':
    case 'attempt_starting':
      return recovering(mail, entry);
    case 'recovered':
      return backAgain(recovering(mail, entry), entry.job);
    case 'job_failed':
      return note(settled(mail, entry.job), entry, {
        kind: entry.cause === 'permanent' ? 'permanent' : 'gave_up',
        cause: entry.cause,
      });
    case 'job_holding':
      return note(settled(mail, entry.job), entry, {
        kind: entry.cause === 'host_bad' ? 'host_bad' : 'held',
        cause: entry.cause,
      });
    case 'job_finished':
      return note(settled(mail, entry.job), entry, { kind: 'finished', cause: 'done' });
    case 'hold_ended':
      return without(mail, ({ kind, job }) => job === entry.job && kind === 'held');
    case 'job_stopped':
      return without(mail, ({ job }) => job === entry.job);
    case 'job_queued':
    case 'job_resumed':
      return afresh(mail, entry.job);
    default:
      return mail;
  }
}

/** Switched off, everything unsent is dropped: turned on again weeks later, nobody wants old news. */
function configured(mail: Mail, { kinds }: EventOf<'mail_configured'>): Mail {
  if (kinds.length === 0) return noMail;
  return { ...without(mail, ({ kind }) => !kinds.includes(kind)), kinds };
}

function note(
  mail: Mail,
  entry: Entry & { job: string },
  what: Pick<Notice, 'kind' | 'cause'> & Partial<Notice>,
): Mail {
  if (!mail.kinds.includes(what.kind)) return mail;
  const key = noticeKey({ ...what, job: entry.job });
  const before = mail.notices[key];
  const notice: Notice = {
    attempt: before?.attempt ?? 0,
    settled: true,
    hang: null,
    ...what,
    job: entry.job,
    seq: entry.seq,
    since: before?.since ?? entry.time,
    at: entry.time,
    count: (before?.count ?? 0) + 1,
    reminders: before?.reminders ?? 0,
  };
  return { ...mail, notices: { ...mail.notices, [key]: notice } };
}

type Step = Entry & {
  type: 'evidence_saved' | 'trainer_killed' | 'attempt_starting' | 'recovered';
};

/** What is done about a hang, as it is done. */
function recovering(mail: Mail, entry: Step): Mail {
  const key = noticeKey({ kind: 'hang', cause: 'hang', job: entry.job });
  const notice = mail.notices[key];
  // Once recovered from, later attempts are another story.
  if (notice === undefined || notice.hang === null || notice.hang.recovery_seconds !== null)
    return mail;
  const hang = known(notice.hang, notice.attempt, entry);
  if (hang === notice.hang) return mail;
  const changed = { ...notice, hang, settled: notice.settled || hang.recovery_seconds !== null };
  return { ...mail, notices: { ...mail.notices, [key]: changed } };
}

function known(hang: HangFacts, attempt: number, entry: Step): HangFacts {
  const same = entry.attempt === attempt;
  switch (entry.type) {
    case 'evidence_saved':
      return same ? { ...hang, evidence: entry.path } : hang;
    case 'trainer_killed':
      return same
        ? { ...hang, killed: { seconds: entry.seconds, escalated: entry.escalated } }
        : hang;
    case 'attempt_starting':
      return {
        ...hang,
        resumed: {
          attempt: entry.attempt,
          step: entry.from?.step ?? null,
          lost_steps: entry.lost_steps,
        },
      };
    case 'recovered':
      return { ...hang, recovery_seconds: entry.seconds };
  }
}

/** The run came to its end or a halt: of its hang nothing more will be heard. */
function settled(mail: Mail, job: string): Mail {
  const key = noticeKey({ kind: 'hang', cause: 'hang', job });
  const notice = mail.notices[key];
  if (notice === undefined || notice.settled) return mail;
  return { ...mail, notices: { ...mail.notices, [key]: { ...notice, settled: true } } };
}

function queued(mail: Mail, entry: EventOf<'mail_queued'> & { time: number }): Mail {
  const { key, id, kind, job, subject, text, time } = entry;
  const letter: Letter = {
    id,
    kind,
    job,
    subject,
    text,
    queued_at: time,
    tries: 0,
    tried_at: null,
    until: null,
    scope: null,
    done: [],
  };
  const notice = mail.notices[key];
  // Any other mail about the job tells of its hangs too.
  const rest = without(
    mail,
    (other) => other.job === job && (other.kind === 'hang' || other === notice),
  );
  const lasting = (kind === 'held' || kind === 'host_bad') && notice !== undefined;
  const told = Object.entries({ ...mail.told, [key]: time }).filter(
    ([, at]) => at > time - TOLD_KEPT,
  );
  return {
    ...rest,
    notices: lasting
      ? { ...rest.notices, [key]: { ...notice, count: 0, reminders: notice.reminders + 1 } }
      : rest.notices,
    outbox: [...mail.outbox, letter],
    told: Object.fromEntries(told),
    recent: [...mail.recent.filter((at) => at > time - HOUR), time],
  };
}

function deferred(letter: Letter, entry: EventOf<'mail_deferred'> & { time: number }): Letter {
  if (letter.id !== entry.id) return letter;
  const { tries, until, scope, done, time } = entry;
  return { ...letter, tries, until, scope, tried_at: time, done: [...letter.done, ...done] };
}

/** With a step made the network was there: should it go away again, that is news. */
function backAgain(mail: Mail, job: string): Mail {
  const { [noticeKey({ kind: 'held', cause: 'network', job })]: at, ...told } = mail.told;
  return at === undefined ? mail : { ...mail, told };
}

/** A person's request begins a new story, whose end is news however soon it comes. Hangs in a row
 * stay one story. */
function afresh(mail: Mail, job: string): Mail {
  const rest = without(mail, (notice) => notice.job === job);
  const told = Object.entries(rest.told);
  const kept = told.filter(([key]) => !key.endsWith(`/${job}`) || key.startsWith('hang/'));
  return kept.length === told.length ? rest : { ...rest, told: Object.fromEntries(kept) };
}

function without(mail: Mail, which: (notice: Notice) => boolean): Mail {
  const all = Object.entries(mail.notices);
  const kept = all.filter(([, notice]) => !which(notice));
  return kept.length === all.length ? mail : { ...mail, notices: Object.fromEntries(kept) };
}
