import type { Reader } from './reader.js';
import type { FileFault } from './types.js';
import { checkZeroTail } from './zerotail.js';

/** One tensor's place in the file, absolute byte offsets. */
export interface TensorSpan {
  name: string;
  dtype: string;
  start: number;
  end: number;
}

/** The format's own limit on the JSON header (safetensors, MAX_HEADER_SIZE). */
const MAX_HEADER = 100_000_000;
/** Read at once: holds the whole header of a small LoRA. */
const FIRST_READ = 64 * 1024;

/** Bits an element, by the format's dtype names; a dtype not listed is not measured. */
const BITS: Record<string, number> = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E4M3: 8,
  F8_E5M2: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
  C64: 64,
};

/**
 * Is this a whole safetensors file? u64 little-endian header length, JSON header, then the
 * tensors without gap or overlap up to the last byte; and no zero tail (see zerotail.ts).
 * Format: https://github.com/huggingface/safetensors#format
 */
export async function checkSafetensors(reader: Reader): Promise<FileFault | null> {
  const head = await readHeader(reader);
  if (typeof head === 'string') return { kind: 'torn', reason: head };
  const tensors = readTensors(head.json, head.dataStart);
  if (typeof tensors === 'string') return { kind: 'torn', reason: tensors };
  const end = tensors.at(-1)?.end ?? head.dataStart;
  if (end !== reader.size) {
    const relation = end > reader.size ? 'cut short' : 'followed by foreign bytes';
    const reason = `${relation}: its header describes ${end} bytes, the file has ${reader.size}`;
    return { kind: 'torn', reason };
  }
  return checkZeroTail(reader, tensors, head.dataStart);
}

/** The tensors of a safetensors file in file order, or what is wrong with it. */
export async function readSpans(reader: Reader): Promise<TensorSpan[] | string> {
  const head = await readHeader(reader);
  return typeof head === 'string' ? head : readTensors(head.json, head.dataStart);
}

/** The texts of a safetensors file's `__metadata__`; null when the file has no readable header. */
export async function readMetadata(reader: Reader): Promise<Record<string, string> | null> {
  const head = await readHeader(reader);
  if (typeof head === 'string') return null;
  const metadata = head.json['__metadata__'];
  return isObject(metadata) ? (metadata as Record<string, string>) : {};
}

async function readHeader(
  reader: Reader,
): Promise<{ json: Record<string, unknown>; dataStart: number } | string> {
  const first = await reader.read(0, FIRST_READ);
  if (first.length < 8) return `cut short: ${first.length} bytes do not hold the header's length`;
  const declared = first.readBigUInt64LE(0);
  if (declared < 2n || declared > MAX_HEADER) return `header length ${declared} is not plausible`;
  const length = Number(declared);
  if (8 + length > reader.size) {
    return `cut short: a header of ${length} bytes in a file of ${reader.size}`;
  }
  const bytes =
    8 + length <= first.length ? first.subarray(8, 8 + length) : await reader.read(8, length);
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    if (isObject(json)) return { json, dataStart: 8 + length };
    return 'its header is not a JSON object';
  } catch (error) {
    return `its header is not JSON (${(error as Error).message})`;
  }
}

/** The non-empty tensors in file order, or what is wrong with them. */
function readTensors(header: Record<string, unknown>, dataStart: number): TensorSpan[] | string {
  const tensors: TensorSpan[] = [];
  for (const [name, info] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    const span = readTensor(name, info, dataStart);
    if (typeof span === 'string') return span;
    if (span.end > span.start) tensors.push(span);
  }
  tensors.sort((a, b) => a.start - b.start);
  let at = dataStart;
  for (const tensor of tensors) {
    if (tensor.start !== at) {
      return `tensor ${tensor.name} starts at byte ${tensor.start}, expected ${at}`;
    }
    at = tensor.end;
  }
  return tensors;
}

function readTensor(name: string, info: unknown, dataStart: number): TensorSpan | string {
  const { dtype, shape, data_offsets: offsets } = isObject(info) ? info : {};
  const [begin, end] = isWholeNumbers(offsets) && offsets.length === 2 ? offsets : [];
  if (typeof dtype !== 'string' || !isWholeNumbers(shape) || begin === undefined) {
    return `tensor ${name} has no dtype, shape and data_offsets`;
  }
  if (end === undefined || end < begin) return `tensor ${name} ends before it starts`;
  const bits = BITS[dtype];
  const needed = bits && (shape.reduce((n, d) => n * d, 1) * bits) / 8;
  if (needed !== undefined && needed !== end - begin) {
    return `tensor ${name} (${dtype} [${shape}]) takes ${needed} bytes, its offsets give ${end - begin}`;
  }
  return { name, dtype, start: dataStart + begin, end: dataStart + end };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isWholeNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
