/** Least severe last; each level shows itself and all before it. */
export const LEVELS = { error: 0, warn: 1, info: 2, debug: 3 } as const;

export type Level = keyof typeof LEVELS;

/** Facts beside the message. An Error is written as its name, message, code and stack. */
export type Fields = Readonly<Record<string, unknown>>;

export type Write = (message: string, fields?: Fields) => void;

/** The daemon's own log. None of its calls ever throws: a full disk must not end a night. */
export interface Log {
  readonly error: Write;
  readonly warn: Write;
  readonly info: Write;
  readonly debug: Write;
  /** The same log, its lines marked with where they come from; scopes nest as `outer.inner`. */
  child(scope: string): Log;
  /** The last line of a dying process: all lines logged so far and this one are in the file, and
   * this one on stderr, when it returns. May be followed by process.exit() at once. */
  fatal(message: string, error: unknown): void;
  /** Writes out what is queued, at most 2 s long, and closes the file. */
  close(): Promise<void>;
}

export interface LogOptions {
  /** Folder of `nightwarden.jsonl`; made when absent. */
  readonly dir: string;
  readonly level: Level;
  /** Size in bytes at which the file is rotated. */
  readonly maxBytes: number;
  /** Rotated files kept beside the current one, `nightwarden.1.jsonl` the youngest. */
  readonly files: number;
  /** Whether lines for people go to `stream` too. */
  readonly foreground: boolean;
  /** Where a person reads; stderr unless given. */
  readonly stream?: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly fd?: number };
  /** Milliseconds between attempts to write again after the disk refused; 5,000 unless given. */
  readonly retryMs?: number;
}

/** One line of the log before it is put into words; `at` in milliseconds since the epoch. */
export interface LogRecord {
  level: Level | 'fatal';
  message: string;
  at: number;
  scope: string;
  fields: Fields;
}
