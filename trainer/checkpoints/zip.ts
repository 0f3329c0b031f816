import type { Reader } from './reader.js';
import type { FileFault } from './types.js';

/** One stored entry of a zip archive. */
export interface ZipEntry {
  name: string;
  /** 0: stored as it is. `torch.save` compresses nothing. */
  method: number;
  crc32: number;
  /** Bytes in the archive. */
  size: number;
  /** Offset of the local header. */
  offset: number;
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const END_SIZE = 22;
/** The end record is last, behind it only a comment of at most 65,535 bytes. */
const END_SEARCH = END_SIZE + 0xffff;
/** Most archives end without a comment: this much usually holds directory and end record. */
const FIRST_READ = 16 * 1024;
const MAX_DIRECTORY = 256 * 1024 * 1024;
/** Local headers looked at, evenly spread: a lost page in the middle leaves the directory whole. */
const LOCAL_LOOKS = 8;

/**
 * Is this a whole zip archive, the format of `torch.save`? Its end record stands in the last
 * 65,557 bytes, its central directory lies right before that and is readable, and every entry
 * lies in front of the directory. Format: PKWARE APPNOTE.TXT 4.3.
 */
export async function checkZip(reader: Reader): Promise<FileFault | null> {
  const entries = await readZipEntries(reader);
  if (typeof entries === 'string') return { kind: 'torn', reason: entries };
  const stride = Math.max(1, Math.ceil(entries.length / LOCAL_LOOKS));
  const looks = entries.filter((_, i) => i % stride === 0 || i === entries.length - 1);
  const heads = await Promise.all(looks.map((entry) => reader.read(entry.offset, 4)));
  const lost = looks.find((_, i) => heads[i]!.length < 4 || heads[i]!.readUInt32LE(0) !== LOCAL);
  if (lost === undefined) return null;
  return {
    kind: 'torn',
    reason: `entry ${lost.name} of the archive has no header at ${lost.offset}`,
  };
}

/** The central directory's entries, or what is wrong with it. */
export async function readZipEntries(reader: Reader): Promise<ZipEntry[] | string> {
  const end = await findEnd(reader);
  if (typeof end === 'string') return end;
  if (end.size > MAX_DIRECTORY) return `a central directory of ${end.size} bytes is not plausible`;
  const bytes = await reader.read(end.offset, end.size);
  const entries: ZipEntry[] = [];
  let at = 0;
  while (entries.length < end.count) {
    const entry = readEntry(bytes, at);
    if (entry === null) {
      return `the archive's directory names ${end.count} entries, entry ${entries.length + 1} is not readable`;
    }
    at = entry.next;
    if (entry.offset + 30 + entry.size > end.offset) {
      return `entry ${entry.name} of the archive does not lie inside the file`;
    }
    entries.push(entry);
  }
  if (at !== end.size) return `the archive's directory has ${end.size - at} bytes too many`;
  return entries;
}

interface End {
  count: number;
  offset: number;
  size: number;
}

async function findEnd(reader: Reader): Promise<End | string> {
  for (const length of [FIRST_READ, END_SEARCH]) {
    const tail = await reader.read(reader.size - length, length);
    const start = reader.size - tail.length;
    for (let at = tail.length - END_SIZE; at >= 0; at -= 1) {
      if (tail[at] !== 0x50 || tail.readUInt32LE(at) !== END) continue;
      // The signature may also occur inside a comment or in data: its comment must end the file.
      if (at + END_SIZE + tail.readUInt16LE(at + 20) !== tail.length) continue;
      return readEnd(reader, tail.subarray(at), start + at);
    }
  }
  return 'cut short: the archive has no end record (PK\\x05\\x06) in its last 65557 bytes';
}

/** The end record, or the 64-bit one that stands before it (always so in files of `torch.save`). */
async function readEnd(reader: Reader, end: Buffer, position: number): Promise<End | string> {
  let found: End = {
    count: end.readUInt16LE(10),
    size: end.readUInt32LE(12),
    offset: end.readUInt32LE(16),
  };
  let directoryEnd = position;
  const locator = await reader.read(position - 20, position < 20 ? 0 : 20);
  if (locator.length === 20 && locator.readUInt32LE(0) === LOCATOR64) {
    const at = Number(locator.readBigUInt64LE(8));
    const end64 = at <= position ? await reader.read(at, 56) : Buffer.alloc(0);
    if (end64.length < 56 || end64.readUInt32LE(0) !== END64) {
      return `the archive's 64-bit end record is not at ${at}`;
    }
    directoryEnd = at;
    const wide: End = {
      count: Number(end64.readBigUInt64LE(32)),
      size: Number(end64.readBigUInt64LE(40)),
      offset: Number(end64.readBigUInt64LE(48)),
    };
    // Both say the same, or the shorter one that the longer holds: zeros are a lost tail.
    const agree = (short: number, long: number, all: number) => short === long || short === all;
    const same =
      agree(found.count, wide.count, 0xffff) &&
      agree(found.size, wide.size, 0xffffffff) &&
      agree(found.offset, wide.offset, 0xffffffff);
    if (!same) return "the archive's two end records contradict each other";
    found = wide;
  }
  if (found.offset + found.size === directoryEnd) return found;
  return `the archive's directory ends at ${found.offset + found.size}, its end record stands at ${directoryEnd}`;
}

function readEntry(bytes: Buffer, at: number): (ZipEntry & { next: number }) | null {
  if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== CENTRAL) return null;
  const nameEnd = at + 46 + bytes.readUInt16LE(at + 28);
  const extraEnd = nameEnd + bytes.readUInt16LE(at + 30);
  const next = extraEnd + bytes.readUInt16LE(at + 32);
  if (next > bytes.length) return null;
  const wide = readZip64(bytes.subarray(nameEnd, extraEnd));
  const take = (value: number) => (value === 0xffffffff ? (wide.shift() ?? value) : value);
  // Order matters: the 64-bit field holds, in this order, only the values that overflowed.
  take(bytes.readUInt32LE(at + 24));
  const size = take(bytes.readUInt32LE(at + 20));
  const offset = take(bytes.readUInt32LE(at + 42));
  return {
    name: bytes.toString('latin1', at + 46, nameEnd),
    method: bytes.readUInt16LE(at + 10),
    crc32: bytes.readUInt32LE(at + 16),
    size,
    offset,
    next,
  };
}

/** The values of the 64-bit extra field (id 1) of an entry. */
function readZip64(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    const field = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
    return Array.from({ length: Math.floor(field.length / 8) }, (_, i) =>
      Number(field.readBigUInt64LE(i * 8)),
    );
  }
  return [];
}
