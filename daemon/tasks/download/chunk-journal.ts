import { open, readFile, rename } from 'node:fs/promises';
import { UNIT } from './chunks.js';
import { codeOf } from './errors.js';

/** Which file a journal is about: its content's name and length. */
export interface Subject {
  readonly etag: string;
  readonly size: number;
}

/**
 * Which units of a partial file are on disk, one line each, appended after the unit's last byte was
 * written. What was written survives the death of the process but not that of the machine, so a
 * line counts under the boot it was written in, and under another only if a mark that follows it
 * says that data and journal had been synced.
 *
 * `{"v":1,"etag":…,"size":…,"unit":…,"boot":…,"done":[[0,57]]}`, then `c 58` for a unit, `s` for a
 * mark. The first line is written anew, as a whole, whenever a download goes on.
 */
export class ChunkJournal {
  private queue: Promise<void> = Promise.resolve();

  private constructor(private readonly handle: Awaited<ReturnType<typeof open>>) {}

  /** Begins a journal with what is known to be there. */
  static async begin(
    path: string,
    { etag, size }: Subject,
    boot: string,
    done: readonly number[],
  ): Promise<ChunkJournal> {
    const head = { v: 1, etag, size, unit: UNIT, boot, done: inRows(done) };
    const fresh = `${path}.new`;
    const handle = await open(fresh, 'w');
    try {
      await handle.writeFile(`${JSON.stringify(head)}\n`);
      await handle.datasync();
      await rename(fresh, path);
      return new ChunkJournal(handle);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  add(unit: number): Promise<void> {
    return this.append(`c ${unit}\n`);
  }

  /** Everything said so far is on the disk itself; the caller has synced the data. */
  async synced(): Promise<void> {
    await this.append('s\n');
    await this.handle.datasync();
  }

  async close(): Promise<void> {
    await this.queue.catch(() => {}); // told to whoever added the line
    await this.handle.close();
  }

  private append(text: string): Promise<void> {
    // One after the other: two appends at a time could mix where a write is cut short.
    const written = this.queue.then(() => this.handle.appendFile(text));
    this.queue = written;
    return written;
  }
}

/** The units that an earlier download of the same file left whole; none where it was another file's,
 * or there is no journal. */
export async function readUnits(path: string, subject: Subject, boot: string): Promise<number[]> {
  let text: string;
  try {
    text = await readFile(path, 'latin1');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
  return unitsOf(text, subject, boot);
}

/** The same of a journal's text. Reads up to the first line that is torn or makes no sense. */
export function unitsOf(text: string, subject: Subject, boot: string): number[] {
  const lines = text.split('\n');
  lines.pop(); // what follows the last line end: nothing, or half a line
  const head = headOf(lines.shift());
  if (head === null || head.etag !== subject.etag || head.size !== subject.size) return [];
  const count = Math.ceil(subject.size / UNIT);
  const done = head.done.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i),
  );
  let trusted = done.length;
  for (const line of lines) {
    const match = /^c (\d+)$/.exec(line);
    if (match !== null) done.push(Number(match[1]));
    else if (line === 's') trusted = done.length;
    else break;
  }
  const units = head.boot === boot ? done : done.slice(0, trusted);
  return [...new Set(units)].filter((unit) => unit < count);
}

interface Head extends Subject {
  readonly boot: string;
  readonly done: readonly (readonly [number, number])[];
}

function headOf(line: string | undefined): Head | null {
  let head: Partial<Head> & { v?: unknown; unit?: unknown };
  try {
    head = JSON.parse(line ?? '');
  } catch {
    return null; // Half written, or not ours: then nothing of it counts.
  }
  const ours = head?.v === 1 && head.unit === UNIT && Array.isArray(head.done);
  const rows = ours && head.done!.every(([a, b]) => Number.isSafeInteger(a) && b >= a && b < 1e6);
  return rows ? (head as Head) : null;
}

function inRows(units: readonly number[]): [number, number][] {
  const rows: [number, number][] = [];
  for (const unit of [...units].sort((a, b) => a - b)) {
    const last = rows.at(-1);
    if (last !== undefined && last[1] + 1 === unit) last[1] = unit;
    else rows.push([unit, unit]);
  }
  return rows;
}
