import type { HubFile } from './repos.js';

/** One request for a file's bytes, as the side that serves them sees it. */
export interface Asked {
  readonly file: HubFile;
  /** Number of this request among all for bytes, from 1. */
  readonly nth: number;
  /** First byte and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** Whether a range was asked for. */
  readonly ranged: boolean;
}

/** What goes wrong with the answer to it. Offsets count from the beginning of the body. */
export type Fault =
  /** The connection breaks after that many bytes. */
  | { readonly is: 'cut'; readonly after: number }
  /** The body ends in good order after that many bytes, its length header saying so. */
  | { readonly is: 'short'; readonly after: number }
  /** Nothing more comes after that many bytes; the connection stays. */
  | { readonly is: 'stall'; readonly after: number }
  /** One bit of that byte is turned on the way. */
  | { readonly is: 'flip'; readonly at: number }
  /** The range is ignored: 200 and the whole file. */
  | { readonly is: 'whole' }
  /** 206 with another range than the one asked for, and its bytes. */
  | { readonly is: 'other_range'; readonly by: number }
  /** The bytes (and the ETag, unless `etag` is kept) of another file of the same size. */
  | { readonly is: 'swapped'; readonly file: HubFile; readonly keepsEtag: boolean }
  | { readonly is: 'status'; readonly status: number; readonly retryAfter?: number };

export type FaultPlan = (asked: Asked) => Fault | null;
