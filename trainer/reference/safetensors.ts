/** A named array: `F32` data and its shape; a scalar has the empty shape. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export type Metadata = Readonly<Record<string, string>>;

/** The contents of a safetensors file. */
export interface TensorFile {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly metadata: Metadata;
}

/**
 * The bytes of a safetensors file (https://github.com/huggingface/safetensors, "Format"): a u64
 * header length, a JSON header padded with spaces to 8 bytes, the data. Names are sorted, so equal
 * contents give equal bytes. `half` stores F16, rounded to nearest.
 */
export function encodeSafetensors(file: TensorFile, half = false): Uint8Array {
  const width = half ? 2 : 4;
  const names = [...file.tensors.keys()].sort();
  const header: Record<string, unknown> = {};
  const metadata = Object.entries(file.metadata).sort(([a], [b]) => (a < b ? -1 : 1));
  if (metadata.length > 0) header['__metadata__'] = Object.fromEntries(metadata);
  let offset = 0;
  for (const name of names) {
    const { shape, data } = file.tensors.get(name)!;
    const end = offset + data.length * width;
    header[name] = { dtype: half ? 'F16' : 'F32', shape, data_offsets: [offset, end] };
    offset = end;
  }
  let json = JSON.stringify(header);
  json += ' '.repeat((8 - (Buffer.byteLength(json) % 8)) % 8);
  const head = Buffer.from(json);
  const bytes = new Uint8Array(8 + head.length + offset);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(head.length), true);
  bytes.set(head, 8);
  let at = 8 + head.length;
  for (const name of names) {
    for (const value of file.tensors.get(name)!.data) {
      if (half) view.setUint16(at, toHalf(value), true);
      else view.setFloat32(at, value, true);
      at += width;
    }
  }
  return bytes;
}

/** Reads F32 and F16 tensors. Throws an Error that says what is wrong with a torn or foreign file. */
export function decodeSafetensors(bytes: Uint8Array): TensorFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) throw new Error(`only ${bytes.length} bytes: no safetensors header`);
  const length = Number(view.getBigUint64(0, true));
  if (8 + length > bytes.length) throw new Error(`header of ${length} bytes runs past the end`);
  const start = 8 + length;
  const header: unknown = JSON.parse(Buffer.from(bytes.subarray(8, start)).toString('utf8'));
  if (typeof header !== 'object' || header === null) throw new Error('header is not an object');
  const tensors = new Map<string, Tensor>();
  let metadata: Metadata = {};
  let used = 0;
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = entry as Metadata;
      continue;
    }
    const { dtype, shape, data_offsets } = entry as TensorEntry;
    const [from, to] = data_offsets;
    const width = dtype === 'F32' ? 4 : dtype === 'F16' ? 2 : 0;
    if (width === 0) throw new Error(`${name}: type ${dtype} (F32 and F16 are read)`);
    const count = shape.reduce((a, b) => a * b, 1);
    if (to - from !== count * width) throw new Error(`${name}: shape and offsets disagree`);
    if (start + to > bytes.length) throw new Error(`${name}: data runs past the end of the file`);
    const data = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const at = start + from + i * width;
      data[i] = width === 4 ? view.getFloat32(at, true) : halves()[view.getUint16(at, true)]!;
    }
    tensors.set(name, { shape, data });
    used = Math.max(used, to);
  }
  if (start + used !== bytes.length) throw new Error('bytes left over after the last tensor');
  return { tensors, metadata };
}

interface TensorEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

let table: Float32Array | null = null;

/** All 65,536 halves: looking them up keeps reading the base weights out of the startup time. */
function halves(): Float32Array {
  table ??= Float32Array.from({ length: 0x10000 }, (_, bits) => fromHalf(bits));
  return table;
}

/** IEEE 754 binary16 to a number. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** A number to IEEE 754 binary16, to nearest; beyond its range to infinity. */
export function toHalf(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | Math.round(size * 2 ** 24);
  const exponent = Math.min(15, Math.floor(Math.log2(size)));
  const fraction = Math.round((size / 2 ** exponent - 1) * 1024);
  return sign + ((exponent + 15) << 10) + fraction; // a fraction of 1024 carries into the exponent
}
