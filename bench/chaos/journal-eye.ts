import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { Entry } from '../../daemon/core/index.js';

/**
 * Reads the journal as it grows, every whole line once, over rotations and restarts of the daemon.
 * Keeps what it has seen and says when a line that stood on disk is gone or has become another.
 */
export class JournalEye {
  readonly entries = new Map<number, Entry>();
  readonly wrong: string[] = [];
  private readonly path: string;
  private fd: number | null = null;
  private inode = 0;
  private offset = 0;
  private rest = '';

  constructor(
    state: string,
    private readonly onEntry: (entry: Entry) => void,
  ) {
    this.path = join(state, 'journal.jsonl');
  }

  /** Takes in what was written since the last look. */
  look(): void {
    // What the rotated segment still had comes first.
    this.read();
    const now = inodeAt(this.path);
    if (now === null || now === this.inode) return;
    this.close();
    this.fd = openSync(this.path, 'r');
    this.inode = fstatSync(this.fd).ino;
    this.read();
  }

  close(): void {
    if (this.fd !== null) closeSync(this.fd);
    this.fd = null;
    this.inode = 0;
    this.offset = 0;
    this.rest = '';
  }

  private read(): void {
    if (this.fd === null) return;
    const { size } = fstatSync(this.fd);
    if (size < this.offset) {
      // A torn tail was cut: of whole lines nothing may be missing, which reading again will tell.
      this.offset = 0;
      this.rest = '';
    }
    const bytes = Buffer.alloc(size - this.offset);
    const got = readSync(this.fd, bytes, 0, bytes.length, this.offset);
    this.offset += got;
    const lines = (this.rest + bytes.toString('utf8', 0, got)).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.take(line);
  }

  private take(line: string): void {
    let entry: Entry;
    try {
      entry = JSON.parse(line) as Entry;
    } catch {
      this.wrong.push(`a line of the journal is not JSON: ${line.slice(0, 200)}`);
      return;
    }
    const known = this.entries.get(entry.seq);
    if (known === undefined) {
      this.entries.set(entry.seq, entry);
      this.onEntry(entry);
    } else if (!isDeepStrictEqual(known, entry)) {
      this.wrong.push(`entry ${entry.seq} was ${say(known)} and is now ${say(entry)}`);
    }
  }
}

const say = (entry: Entry): string => JSON.stringify(entry).slice(0, 200);

function inodeAt(path: string): number | null {
  try {
    return statSync(path).ino;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
