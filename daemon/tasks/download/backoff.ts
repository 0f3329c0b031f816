/** Seconds to wait before the `nth` try in a row (1 for the first after a failure): exponential, of
 * which a random half is left out, so that sixteen connections that broke together do not come
 * back together ("equal jitter", AWS Architecture Blog 2015). */
export function backoff(nth: number, random: number, first = 0.25, longest = 30): number {
  const whole = Math.min(longest, first * 2 ** Math.min(30, nth - 1));
  return whole / 2 + (whole / 2) * random;
}

/** No server gets to send us away for longer than this (seconds). */
const LONGEST_WINDOW = 900;

/**
 * How long a 429 or 503 asks us to stay away, in seconds; null where it does not say. Reads the
 * Hub's `RateLimit: "api";r=0;t=55` (t: seconds to the end of the window) and `Retry-After`
 * (seconds or a date, RFC 9110 10.2.3). `now` in Unix milliseconds.
 */
export function askedToWait(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  now: number,
): number | null {
  const limit = /(?:^|;)\s*t=(\d+)/.exec(String(headers['ratelimit'] ?? ''));
  const after = String(headers['retry-after'] ?? '').trim();
  const date = Date.parse(after);
  const seconds =
    limit !== null
      ? Number(limit[1])
      : /^\d+$/.test(after)
        ? Number(after)
        : Number.isNaN(date)
          ? null
          : (date - now) / 1000;
  return seconds === null ? null : Math.min(LONGEST_WINDOW, Math.max(0, seconds));
}
