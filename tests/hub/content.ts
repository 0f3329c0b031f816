import { createHash } from 'node:crypto';

/** The bytes of a file, read in pieces so that a large one needs no memory. */
export interface Content {
  readonly size: number;
  /** Up to `length` bytes from `offset` on, and at least one. */
  read(offset: number, length: number): Buffer;
}

export function bytes(data: Buffer | string): Content {
  const buffer = Buffer.from(data);
  return { size: buffer.length, read: (at, length) => buffer.subarray(at, at + length) };
}

/** Odd, so that no two chunks of a client begin at the same place of the pattern. */
const PERIOD = 7_340_033;

/**
 * `size` bytes that look random and are the same for the same seed. Repeats after a period that no
 * client's chunk is a multiple of: a chunk written to a wrong place does not fit there.
 */
export function noise(size: number, seed = 1): Content {
  const block = blockOf(seed);
  return {
    size,
    read(offset, length) {
      const from = offset % PERIOD;
      return block.subarray(from, Math.min(PERIOD, from + Math.min(length, size - offset)));
    },
  };
}

const blocks = new Map<number, Buffer>();

function blockOf(seed: number): Buffer {
  const known = blocks.get(seed);
  if (known !== undefined) return known;
  const words = new Uint32Array(Math.ceil(PERIOD / 4));
  let x = (seed * 0x9e3779b9) >>> 0 || 1;
  for (let i = 0; i < words.length; i++) {
    // xorshift32 (Marsaglia 2003).
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    words[i] = x;
  }
  const block = Buffer.from(words.buffer, 0, PERIOD);
  blocks.set(seed, block);
  return block;
}

export function whole(content: Content): Buffer {
  return Buffer.concat([...pieces(content, 0, content.size, 1 << 20)]);
}

/** The bytes from `start` to before `end`. */
export function* pieces(content: Content, start: number, end: number, step: number) {
  for (let at = start; at < end; ) {
    const piece = content.read(at, Math.min(step, end - at));
    yield piece;
    at += piece.length;
  }
}

export function sha256(content: Content): string {
  const hash = createHash('sha256');
  for (const piece of pieces(content, 0, content.size, 1 << 20)) hash.update(piece);
  return hash.digest('hex');
}

/** The name git gives a file's bytes: SHA-1 over a header and the bytes (gitformat-loose). */
export function gitOid(content: Content): string {
  const hash = createHash('sha1').update(`blob ${content.size}\0`);
  for (const piece of pieces(content, 0, content.size, 1 << 20)) hash.update(piece);
  return hash.digest('hex');
}
