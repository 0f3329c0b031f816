import type { Letter, MailEvent } from '../core/index.js';
import { backoff, type RetryRules } from './backoff.js';
import type { Outcome } from './outcome.js';

type FateOf<T> = T extends MailEvent ? Omit<T, 'id' | 'kind' | 'job' | 'tries'> : never;

/** What the journal says after a try, but for which mail it was. */
export type Fate = FateOf<Exclude<MailEvent, { type: 'mail_configured' | 'mail_queued' }>>;

/** What follows from a try; `wall` in Unix seconds, `random` in [0, 1). Pure. */
export function fateOf(
  outcome: Outcome,
  letter: Letter,
  tries: number,
  wall: number,
  rules: RetryRules,
  random: () => number,
): Fate {
  switch (outcome.is) {
    case 'sent':
      return { type: 'mail_sent', answer: outcome.answer, refused: outcome.refused };
    case 'refused':
      return { type: 'mail_given_up', why: join(outcome.why, outcome.remedy) };
    case 'later': {
      const { scope, done } = outcome;
      const why = join(outcome.why, outcome.remedy);
      if (wall - letter.queued_at >= rules.give_up_seconds)
        return { type: 'mail_given_up', why: `${why} (not taken in all its time)` };
      const until = wall + backoff(tries, scope, rules, random);
      return { type: 'mail_deferred', until, scope, why, done };
    }
  }
}

const join = (why: string, remedy: string): string => (remedy === '' ? why : `${why}. ${remedy}`);
