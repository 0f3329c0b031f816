import { join } from 'node:path';
import { fingerprint } from './fingerprint.js';
import { openFile, type Reader, withReader } from './reader.js';
import { readSpans, type TensorSpan } from './safetensors.js';

const CHUNK = 1 << 20;

/**
 * The first safetensors file of a checkpoint that holds a NaN or an infinity, with the tensor's
 * name; null when every number read is finite. Only safetensors are read: a pickled optimizer says
 * nothing about the types of its bytes, and weights that went wrong stand in the safetensors too.
 *
 * @throws any error of the file system; AbortError
 */
export async function findNonFinite(path: string, signal?: AbortSignal): Promise<string | null> {
  return find(path, NOT_FINITE, signal);
}

/** The same for a NaN alone. An infinity may be meant: masks are made of them. */
export async function findNaN(path: string, signal?: AbortSignal): Promise<string | null> {
  return find(path, NOT_A_NUMBER, signal);
}

async function find(path: string, tests: Tests, signal?: AbortSignal): Promise<string | null> {
  const { files } = await fingerprint(path);
  for (const { name } of files.filter((file) => file.name.endsWith('.safetensors'))) {
    const whole = files.length === 1 && path.endsWith(name) ? path : join(path, name);
    const tensor = await withReader(whole, openFile, (reader) =>
      firstBadTensor(reader, tests, signal),
    );
    if (tensor !== null) return `${name}: ${tensor}`;
  }
  return null;
}

async function firstBadTensor(
  reader: Reader,
  tests: Tests,
  signal?: AbortSignal,
): Promise<string | null> {
  const spans = await readSpans(reader);
  if (typeof spans === 'string') return spans;
  for (const span of spans) {
    const test = tests[span.dtype];
    if (test !== undefined && (await holdsBad(reader, span, test, signal))) return span.name;
  }
  return null;
}

async function holdsBad(
  reader: Reader,
  span: TensorSpan,
  test: Test,
  signal?: AbortSignal,
): Promise<boolean> {
  for (let at = span.start; at < span.end; at += CHUNK) {
    signal?.throwIfAborted();
    const bytes = await reader.read(at, Math.min(CHUNK, span.end - at));
    if (test(bytes)) return true;
  }
  return false;
}

type Test = (bytes: Buffer) => boolean;
type Tests = Readonly<Record<string, Test>>;

/** An IEEE 754 number is not finite when every bit of its exponent is set; little-endian, so the
 * exponent stands in the last 16 bits of each element. It is a NaN when a bit of its fraction is set
 * too. */
function exponent(stride: number, mask: number, nanOnly: boolean): Test {
  const fraction = 0x7fff & ~mask;
  return (bytes) => {
    for (let i = stride - 2; i + 1 < bytes.length; i += stride) {
      const high = (bytes[i] ?? 0) | ((bytes[i + 1] ?? 0) << 8);
      if ((high & mask) !== mask) continue;
      if (!nanOnly || (high & fraction) !== 0) return true;
      for (let below = i - stride + 2; below < i; below += 1) if (bytes[below] !== 0) return true;
    }
    return false;
  };
}

const testsFor = (nanOnly: boolean): Tests => ({
  F16: exponent(2, 0x7c00, nanOnly),
  BF16: exponent(2, 0x7f80, nanOnly),
  F32: exponent(4, 0x7f80, nanOnly),
  F64: exponent(8, 0x7ff0, nanOnly),
});

const NOT_FINITE = testsFor(false);
const NOT_A_NUMBER = testsFor(true);
