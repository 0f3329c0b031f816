import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Verdict, verifyCheckpoint } from '../../trainer/checkpoints/index.js';
import { foundAt, ones, safetensors, temporary, zeros } from './helpers.js';

async function verdictOn(bytes: Buffer, dir?: string): Promise<Verdict> {
  const path = join(dir ?? (await temporary()), 'lora.safetensors');
  await writeFile(path, bytes);
  return verifyCheckpoint(await foundAt(path));
}

/** Tensors whose last element is not zero, as trained ones are. */
const tensors = fc.dictionary(
  fc.stringMatching(/^[a-z]{1,8}\.lora_(up|down)$/),
  fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 300 }),
  { minKeys: 1, maxKeys: 6 },
);

describe('laws of safetensors files', () => {
  test('any whole file is accepted, any truncation and any longer file is refused', async () => {
    const dir = await temporary();
    await fc.assert(
      fc.asyncProperty(tensors, fc.double({ min: 0, max: 1, noNaN: true }), async (t, part) => {
        const whole = safetensors(t);
        expect((await verdictOn(whole, dir)).ok).toBe(true);
        const cut = Math.min(whole.length - 1, Math.floor(whole.length * part));
        expect((await verdictOn(whole.subarray(0, cut), dir)).ok).toBe(false);
        const longer = Buffer.concat([whole, Buffer.alloc(1 + cut, 1)]);
        expect(await verdictOn(longer, dir)).toMatchObject({ ok: false, kind: 'torn' });
      }),
      { numRuns: 150 },
    );
  });

  test('zeros from any page boundary on are refused where they cut a tensor', async () => {
    const dir = await temporary();
    const whole = safetensors({ 'a.lora_down': ones(5000), 'a.lora_up': ones(5000) });
    const lastPage = Math.floor((whole.length - 64) / 4096);
    for (let page = 0; page <= lastPage; page += 1) {
      const torn = Buffer.from(whole).fill(0, page * 4096);
      expect(await verdictOn(torn, dir)).toMatchObject({ ok: false, kind: 'torn' });
    }
  });
});

describe('zero tails', () => {
  const pair = (name: string, down: number[], up: number[]) => ({
    [`${name}.lora_down.weight`]: down,
    [`${name}.lora_up.weight`]: up,
  });

  test('a LoRA before its first step has a zero factor at the end: accepted', async () => {
    const fresh = { ...pair('m1', ones(512), zeros(512)), ...pair('m2', ones(512), zeros(512)) };
    expect((await verdictOn(safetensors(fresh))).ok).toBe(true);
  });

  test('several zero tensors whose like are zero elsewhere: accepted', async () => {
    const grouped = { a: ones(300), 'm1.exp_avg': zeros(300), b: ones(300) };
    const bytes = safetensors({ ...grouped, 'm2.exp_avg': zeros(300), 'm3.exp_avg': zeros(300) });
    expect((await verdictOn(bytes)).ok).toBe(true);
    const known = safetensors({ ...grouped, 'x.exp_avg': zeros(300), 'y.exp_avg': zeros(300) });
    expect((await verdictOn(known)).ok).toBe(true);
  });

  test('several zero tensors whose like are never zero: refused, from a tensor start too', async () => {
    const torn = { ...pair('m1', ones(512), ones(512)), ...pair('m2', zeros(512), zeros(512)) };
    expect(await verdictOn(safetensors(torn))).toMatchObject({
      ok: false,
      kind: 'torn',
      reason: expect.stringContaining('m2.lora_down.weight'),
    });
  });

  test('nothing but zeros: refused', async () => {
    const bytes = safetensors({ a: zeros(512), b: zeros(512) });
    expect(await verdictOn(bytes)).toMatchObject({ ok: false, kind: 'torn' });
  });

  test('a few zeros at the end of a tensor are data', async () => {
    expect((await verdictOn(safetensors({ a: [...ones(500), ...zeros(40)] }))).ok).toBe(true);
    expect((await verdictOn(safetensors({ a: zeros(4) }))).ok).toBe(true);
  });

  test('an integer tensor may end in zeros', async () => {
    const mask = safetensors({ a: [...ones(500), ...zeros(400)] }, 'I32');
    expect((await verdictOn(mask)).ok).toBe(true);
  });
});

describe('headers', () => {
  const withHeader = (header: unknown, data: number) => {
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    return Buffer.concat([length, json, Buffer.alloc(data, 7)]);
  };
  const tensor = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });

  test.each([
    ['a gap', { a: tensor(0, 8), b: tensor(12, 16) }, 16, /starts at byte \d+, expected/],
    ['an overlap', { a: tensor(0, 8), b: tensor(4, 12) }, 12, /starts at byte \d+, expected/],
    ['a shape that does not fit', { a: tensor(0, 8, [3]) }, 8, /takes 12 bytes/],
    ['no offsets', { a: { dtype: 'F32', shape: [2] } }, 8, /has no dtype/],
    ['an array', [], 0, /not a JSON object/],
    ['ends before it starts', { a: tensor(8, 0, [2]) }, 8, /ends before it starts/],
  ])('%s is refused', async (_, header, data, reason) => {
    expect(await verdictOn(withHeader(header, data))).toMatchObject({
      ok: false,
      kind: 'torn',
      reason: expect.stringMatching(reason),
    });
  });

  test('metadata alone, and an implausible header length', async () => {
    expect((await verdictOn(withHeader({ __metadata__: { format: 'pt' } }, 0))).ok).toBe(true);
    expect((await verdictOn(Buffer.alloc(64, 0xff))).ok).toBe(false);
  });
});
