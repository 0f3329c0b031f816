import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { findNaN, findNonFinite } from '../../trainer/checkpoints/index.js';
import { ones, temporary } from './helpers.js';

/** A safetensors file with these bytes for the elements of one tensor. */
function raw(dtype: string, elements: readonly string[]): Buffer {
  const data = Buffer.from(elements.join(''), 'hex');
  const header = Buffer.from(
    JSON.stringify({
      a: { dtype, shape: [elements.length], data_offsets: [0, data.length] },
    }),
  );
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, data]);
}

/** Little-endian: one, an infinity, a NaN of each kind that hardware and libraries make. */
const WORDS = {
  F16: { one: '003c', inf: '007c', nans: ['007e', '017c', '00fe'] },
  BF16: { one: '803f', inf: '807f', nans: ['c07f', '817f', 'c0ff'] },
  F32: { one: '0000803f', inf: '0000807f', nans: ['0000c07f', '0100807f', '0000c0ff'] },
  F64: {
    one: '000000000000f03f',
    inf: '000000000000f07f',
    nans: ['000000000000f87f', '010000000000f07f', '000000000000f8ff'],
  },
};

describe.each(Object.entries(WORDS))('%s', (dtype, { one, inf, nans }) => {
  const file = async (element: string): Promise<string> => {
    const path = join(await temporary(), 'lora.safetensors');
    writeFileSync(path, raw(dtype, [...ones(70).map(() => one), element, one]));
    return path;
  };

  test('numbers are finite', async () => {
    const path = await file(one);
    expect([await findNonFinite(path), await findNaN(path)]).toEqual([null, null]);
  });

  test('an infinity is not, and is no NaN: masks are made of them', async () => {
    const path = await file(inf);
    expect(await findNonFinite(path)).toBe('lora.safetensors: a');
    expect(await findNaN(path)).toBeNull();
  });

  test.each(nans)('a NaN is one: %s', async (nan) => {
    const path = await file(nan);
    expect(await findNonFinite(path)).toBe('lora.safetensors: a');
    expect(await findNaN(path)).toBe('lora.safetensors: a');
  });
});

test('a folder is read file by file, and what is no number is passed over', async () => {
  const folder = join(await temporary(), 'step-10');
  mkdirSync(folder);
  writeFileSync(join(folder, 'optimizer.bin'), Buffer.alloc(64, 0xff));
  writeFileSync(join(folder, 'ids.safetensors'), raw('I32', ['ffffffff', 'ffffffff']));
  expect(await findNaN(folder)).toBeNull();
  writeFileSync(join(folder, 'model.safetensors'), raw('F32', ['0000c07f']));
  expect(await findNaN(folder)).toBe('model.safetensors: a');
});
