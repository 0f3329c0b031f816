import { type Mail, type MailKind, type Notice, noticeKey } from '../core/index.js';

export interface TellingRules {
  /** The same about the same job at most once in this time, seconds. */
  readonly repeat_seconds: number;
  readonly max_per_hour: number;
}

export interface Due {
  /** To be told now, in this order. */
  readonly now: readonly Notice[];
  /** Unix seconds at which to look again though nothing happens; null for never. */
  readonly next: number | null;
}

/**
 * How long a notice may wait for the rest of its story, seconds: a hang for the first step after it
 * (loading a model again can take longer than anyone should be left in the dark), a full disk for
 * the room that is made by pruning.
 */
const SETTLES: Readonly<Record<MailKind, number>> = {
  hang: 90,
  held: 60,
  gave_up: 0,
  permanent: 0,
  host_bad: 0,
  finished: 0,
};

/** A clock that was set back by more than this would otherwise silence everything until then. */
const CLOCK_SLACK = 60;
const HOUR = 3600;
const REPEATS: ReadonlySet<MailKind> = new Set<MailKind>(['hang', 'held', 'host_bad']);
/** A server that is away for days must not fill the journal's snapshot. */
const OUTBOX_MAX = 100;

/**
 * What is to be told now. One mail for each job, kind and cause in `repeat_seconds`; while that is
 * not over, or an earlier mail about what repeats itself is unsent, what happens is added up. Pure.
 */
export function due(mail: Mail, wall: number, rules: TellingRules): Due {
  const now: Notice[] = [];
  let next: number | null = null;
  const later = (at: number): void => {
    next = next === null ? at : Math.min(next, at);
  };
  const recent = mail.recent.filter((at) => at > wall - HOUR && at <= wall + CLOCK_SLACK);
  // Hangs first: a mail about the end of the job would take them along.
  const notices = Object.values(mail.notices).sort((a, b) => rank(a) - rank(b) || a.seq - b.seq);
  for (const notice of notices) {
    // The end of this is an event, which comes with a look of its own.
    if (isStuck(mail, notice) || isToldOnce(mail, notice, wall)) continue;
    const at = dueAt(notice, mail.told[noticeKey(notice)], wall, rules);
    if (at > wall) later(at);
    else if (recent.length + now.length < rules.max_per_hour) now.push(notice);
    else later(Math.max(wall + 1, Math.min(...recent, wall) + HOUR));
  }
  return { now, next };
}

/** What comes again by itself waits for the mail before it; what ends a run is told each time. */
function isStuck({ outbox }: Mail, notice: Notice): boolean {
  if (outbox.length >= OUTBOX_MAX) return true;
  if (!REPEATS.has(notice.kind)) return false;
  return outbox.some(({ kind, job }) => kind === notice.kind && job === notice.job);
}

/** A network that is away is told of once, until there is a step again: a person cannot mend it, and
 * those mails would all arrive together. */
function isToldOnce({ told }: Mail, notice: Notice, wall: number): boolean {
  const at = told[noticeKey(notice)];
  return notice.kind === 'held' && notice.cause === 'network' && at !== undefined && at <= wall;
}

function dueAt(
  notice: Notice,
  told: number | undefined,
  wall: number,
  { repeat_seconds }: TellingRules,
): number {
  const patience = notice.kind === 'hang' && notice.settled ? 0 : SETTLES[notice.kind];
  const settled = Math.min(notice.since, wall) + (notice.reminders > 0 ? 0 : patience);
  if (told === undefined || told > wall + CLOCK_SLACK) return settled;
  return Math.max(settled, told + repeat_seconds);
}

const rank = ({ kind }: Notice): number => (kind === 'hang' ? 0 : 1);
