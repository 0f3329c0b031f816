import type { JournalFs } from './fs.js';

/** What every line of the journal carries besides the event's own fields. */
export interface Entry {
  /** Rises by one with each appended event, from 1; a hole is explained by a gap entry. */
  seq: number;
  /** Unix seconds. */
  time: number;
  type: string;
}

/** Runs `run` once after `ms` milliseconds unless the returned function is called before. */
export type Timer = (ms: number, run: () => void) => () => void;

export interface JournalOptions<E extends { type: string }, S> {
  /** The state folder; created if absent. */
  dir: string;
  initial: S;
  /** Pure fold step. It is given what a reload would give it: values that went through JSON. */
  apply: (state: S, entry: E & Entry) => S;
  /** Unix seconds. */
  now: () => number;
  fs?: JournalFs;
  /** Pause between two attempts to write while the disk refuses, milliseconds. Default 1000. */
  retryMs?: number;
  /** Longest that close() waits for the disk, milliseconds. Default 5000. */
  closeMs?: number;
  /** Entries that may wait in memory before the oldest non-durable ones are dropped. Default 100 000. */
  maxPending?: number;
  /** Builds the event that reports dropped entries. Default `{type: 'journal_gap', dropped}`. */
  gap?: (dropped: number) => E;
  timer?: Timer;
}

/** What openJournal found wrong and mended. All zero, null and false for a whole journal. */
export interface Repair {
  /** Bytes of a torn tail that were cut. */
  cut_bytes: number;
  /** Lines that could not be read although whole lines follow them: bit rot, never a mere crash. */
  damaged_lines: number;
  /** Where the file was copied as it was found; null if nothing was damaged or the disk refused. */
  damaged_copy: string | null;
  /** snapshot.json was unreadable, and the state comes from the snapshot and segment before it. */
  damaged_snapshot: boolean;
}

export type Health =
  | { state: 'ok' }
  | {
      state: 'degraded';
      /** Unix seconds of the first failed write. */
      since: number;
      /** The latest errno name: ENOSPC, EROFS, EIO, EDQUOT … */
      code: string;
      /** Entries that wait in memory. */
      pending: number;
      /** Entries given up because more than maxPending waited. */
      dropped: number;
    };

export interface Appended<E extends { type: string }> {
  /** Numbered, in order, for the caller to fold at once. */
  entries: (E & Entry)[];
  /** Resolves when written, and synced if durable. Never rejects: a refused write is retried. */
  flushed: Promise<void>;
}

export type Compaction = { done: true } | { done: false; code: string };

export interface Journal<E extends { type: string }, S = unknown> {
  /**
   * Numbers and queues events synchronously; all of them or none.
   * The journal's own `seq` and `time` replace fields of that name in an event.
   * @throws TypeError if an event has no type or cannot be written as JSON; JournalClosed after close().
   */
  append(events: readonly E[], opts?: { durable?: boolean }): Appended<E>;
  readonly health: Health;
  /** Told on every change of state or code. Returns the unsubscriber. */
  onHealth(listener: (health: Health) => void): () => void;
  /**
   * Writes `state` as the new snapshot and starts a new segment; the old one stays as
   * journal.prev.jsonl. `state` must have folded every entry append() has returned so far.
   * A disk that refuses gives `{done: false, code}` and leaves everything loadable.
   */
  compact(state: S): Promise<Compaction>;
  /** Bytes of whole lines in journal.jsonl. */
  readonly bytes: number;
  /** The last number given out. */
  readonly seq: number;
  /** Flushes for closeMs at most. `unwritten` entries were lost with the disk that refused them. */
  close(): Promise<{ unwritten: number }>;
}

export interface Opened<E extends { type: string }, S> {
  journal: Journal<E, S>;
  state: S;
  repaired: Repair;
}
