import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FLOATS = 64 * 1024;

/** A whole checkpoint of five files: three tensors' files, two of JSON. */
export function makeCheckpoint(dir: string): void {
  mkdirSync(dir, { recursive: true });
  for (const name of ['adapter', 'optimizer', 'ema']) {
    writeFileSync(join(dir, `${name}.safetensors`), safetensors(FLOATS));
  }
  writeFileSync(join(dir, 'scheduler.json'), '{"last_epoch": 1}\n');
  writeFileSync(join(dir, 'rng.json'), '{"seed": 42}\n');
}

/** One float32 tensor: 8 bytes of header length, JSON header, data (safetensors README, "Format"). */
function safetensors(floats: number): Buffer {
  const end = floats * 4;
  const header = Buffer.from(
    JSON.stringify({ weight: { dtype: 'F32', shape: [floats], data_offsets: [0, end] } }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const data = Buffer.alloc(end);
  for (let i = 0; i < floats; i += 1) data.writeFloatLE(Math.sin(i), i * 4);
  return Buffer.concat([length, header, data]);
}
