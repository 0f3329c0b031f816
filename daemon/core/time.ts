/**
 * A reading of both clocks, always taken together.
 * `mono`: seconds since an arbitrary origin of this daemon process, never jumps; every budget is
 * measured on it. `wall`: Unix seconds, may jump; it is for people and for what must outlive the
 * process (backoff, ETTR).
 */
export interface Now {
  readonly mono: number;
  readonly wall: number;
}
