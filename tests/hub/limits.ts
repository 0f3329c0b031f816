import type { ServerResponse } from 'node:http';

/** The Hub's fixed window: so many requests, then 429 until it is over. */
export interface Limit {
  readonly requests: number;
  readonly seconds: number;
  /** Which of its two ways it says when to come back. */
  readonly says?: 'RateLimit' | 'Retry-After';
}

export class Window {
  private since = 0;
  private used = 0;
  /** Requests refused so far. */
  refused = 0;

  constructor(private readonly limit: Limit) {}

  /** Counts a request; answers it and returns true when it is one too many. */
  refuses(response: ServerResponse): boolean {
    const { requests, seconds, says = 'RateLimit' } = this.limit;
    const now = Date.now();
    if (now - this.since >= seconds * 1000) {
      this.since = now;
      this.used = 0;
    }
    this.used += 1;
    if (this.used <= requests) return false;
    this.refused += 1;
    const left = Math.max(1, Math.ceil(seconds - (now - this.since) / 1000));
    response.writeHead(
      429,
      says === 'Retry-After'
        ? { 'retry-after': String(left) }
        : {
            ratelimit: `"api";r=0;t=${left}`,
            'ratelimit-policy': `"fixed window";"api";q=${requests};w=${seconds}`,
          },
    );
    response.end('You have reached your rate limit.');
    return true;
  }
}
