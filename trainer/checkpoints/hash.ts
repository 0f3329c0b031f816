import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Reader } from './reader.js';
import type { FileFault } from './types.js';
import { readZipEntries, type ZipEntry } from './zip.js';

/** Large enough for the disk, small enough that hashing one holds the event loop under 1 ms. */
const CHUNK = 1 << 20;

export type HashResult = { sha256: string; fault: FileFault | null };

/**
 * SHA-256 of a whole file, read once in chunks; on the way the checksums of a zip archive's
 * stored entries (the format of `torch.save`) are verified, which finds a page lost in the middle.
 *
 * @throws the signal's reason when it is aborted between two chunks
 */
export async function hashFile(reader: Reader, signal?: AbortSignal): Promise<HashResult> {
  const sums = await zipSums(reader);
  const hash = createHash('sha256');
  let next = reader.read(0, CHUNK);
  for (let at = 0; at < reader.size; ) {
    const bytes = await next;
    // Between two reads: none may be pending when the file is closed.
    signal?.throwIfAborted();
    if (bytes.length === 0) {
      return {
        sha256: '',
        fault: { kind: 'unstable', reason: `shrank to ${at} bytes while it was read` },
      };
    }
    // The next chunk is read while this one is hashed.
    next = reader.read(at + bytes.length, CHUNK);
    hash.update(bytes);
    sums?.take(at, bytes);
    at += bytes.length;
  }
  await next;
  return { sha256: hash.digest('hex'), fault: sums?.fault() ?? null };
}

interface ZipSums {
  take(position: number, bytes: Buffer): void;
  fault(): FileFault | null;
}

async function zipSums(reader: Reader): Promise<ZipSums | null> {
  const head = await reader.read(0, 4);
  if (!head.equals(Buffer.from('PK\x03\x04', 'latin1'))) return null;
  const entries = await readZipEntries(reader);
  // Structure is judged before and elsewhere; here a directory that is not readable ends nothing.
  if (typeof entries === 'string') return null;
  const spans: Span[] = [];
  for (const entry of entries) {
    if (entry.method !== 0 || entry.size === 0) continue;
    const local = await reader.read(entry.offset, 30);
    if (local.length < 30) continue;
    const start = entry.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    spans.push({ entry, start, end: start + entry.size, sum: 0 });
  }
  spans.sort((a, b) => a.start - b.start);
  return { take: (position, bytes) => feed(spans, position, bytes), fault: () => judge(spans) };
}

interface Span {
  entry: ZipEntry;
  start: number;
  end: number;
  sum: number;
}

function feed(spans: Span[], position: number, bytes: Buffer): void {
  const end = position + bytes.length;
  for (const span of spans) {
    if (span.end <= position) continue;
    if (span.start >= end) break;
    const part = bytes.subarray(
      Math.max(0, span.start - position),
      Math.min(bytes.length, span.end - position),
    );
    span.sum = crc32(part, span.sum);
  }
}

function judge(spans: readonly Span[]): FileFault | null {
  const wrong = spans.filter((s) => s.sum !== s.entry.crc32);
  // torch can be told to leave the checksums out (`set_crc32_options(False)`): then none fits.
  if (wrong.length === 0 || wrong.length === spans.length) return null;
  const names = wrong.slice(0, 3).map((s) => s.entry.name);
  const reason = `damaged inside: ${wrong.length} of ${spans.length} entries of the archive fail their checksum (${names.join(', ')})`;
  return { kind: 'torn', reason };
}
