/** A whole safetensors file with one small tensor filled with `value`. */
export function lora(value: number): Buffer {
  const data = Buffer.alloc(64 * 4);
  for (let i = 0; i < 64; i += 1) data.writeFloatLE(value, i * 4);
  const header = Buffer.from(
    JSON.stringify({
      'lora.down.weight': { dtype: 'F32', shape: [8, 8], data_offsets: [0, data.length] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}
