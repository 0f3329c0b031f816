import type { Letter, MailScope } from '../core/index.js';

export interface RetryRules {
  readonly first_seconds: number;
  readonly max_seconds: number;
  readonly give_up_seconds: number;
}

/** An account that refuses is asked again once an hour: more gets accounts locked. */
const ACCOUNT_SECONDS = 3600;
/** A daemon started anew may have a mended configuration, so it asks sooner; but a daemon that is
 * restarted over and over may not ask each time. */
const RESTART_SECONDS = 60;

/**
 * Seconds to wait after the `tries`-th failed try: doubling up to `max_seconds`, half of it left to
 * chance, so that a hundred pods do not come back to a server in the same second. `random` in [0, 1).
 */
export function backoff(
  tries: number,
  scope: MailScope,
  rules: RetryRules,
  random: () => number,
): number {
  const whole =
    scope === 'account'
      ? Math.max(ACCOUNT_SECONDS, rules.max_seconds)
      : // 2 ** 30 is beyond any maximum, and no overflow.
        Math.min(rules.max_seconds, rules.first_seconds * 2 ** Math.min(tries - 1, 30));
  return whole * (0.5 + random() / 2);
}

/**
 * When a letter may be tried; Unix seconds. A `server` or `account` failure of any letter holds up
 * all of them, since they would fail in the same way. `started`: when this daemon did.
 */
export function triedNext(
  outbox: readonly Letter[],
  letter: Letter,
  wall: number,
  started: number,
  rules: RetryRules,
): number {
  const waits = outbox
    .filter(({ id, scope }) => id === letter.id || scope === 'server' || scope === 'account')
    .map((other) => dueAt(other, wall, started, rules));
  return Math.max(0, ...waits);
}

function dueAt(
  { scope, until, tried_at }: Letter,
  wall: number,
  started: number,
  rules: RetryRules,
): number {
  if (until === null || tried_at === null) return 0;
  // The clock was set back since: nothing waits longer than the longest wait.
  if (until > wall + Math.max(ACCOUNT_SECONDS, rules.max_seconds)) return 0;
  if (scope === 'account' && tried_at < started) return Math.min(until, tried_at + RESTART_SECONDS);
  return until;
}
