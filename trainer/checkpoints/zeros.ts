import type { Reader } from './reader.js';

const CHUNK = 1 << 20;
const FIRST_LOOK = 4096;
const ZEROS = Buffer.alloc(CHUNK);

/** Is every byte zero? True for no bytes. */
export function allZero(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += CHUNK) {
    const part = bytes.subarray(at, at + CHUNK);
    if (!part.equals(ZEROS.subarray(0, part.length))) return false;
  }
  return true;
}

/**
 * The offset just past the last byte that is not zero, looking back from the end of the file to
 * `floor`; `floor` when all of that is zero. One small read where the file ends in data.
 */
export async function endOfData(reader: Reader, floor: number): Promise<number> {
  let end = reader.size;
  let look = FIRST_LOOK;
  while (end > floor) {
    const start = Math.max(floor, end - look);
    const bytes = await reader.read(start, end - start);
    if (!allZero(bytes)) {
      let last = bytes.length;
      while (bytes[last - 1] === 0) last -= 1;
      return start + last;
    }
    end = start;
    look = CHUNK;
  }
  return floor;
}
