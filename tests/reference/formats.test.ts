import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readOptions } from '../../trainer/reference/options.js';
import { barLine } from '../../trainer/reference/progress.js';
import { Rng } from '../../trainer/reference/rng.js';
import {
  decodeSafetensors,
  encodeSafetensors,
  fromHalf,
  toHalf,
} from '../../trainer/reference/safetensors.js';

test('a generator goes on the same after its state went through JSON, at any point', () => {
  const draw = (rng: Rng, kinds: boolean[]) => {
    return kinds.map((gaussian) => (gaussian ? rng.gaussian() : rng.uniform()));
  };
  fc.assert(
    fc.property(
      fc.nat(),
      fc.array(fc.boolean()),
      fc.array(fc.boolean(), { minLength: 1 }),
      (seed, before, after) => {
        const rng = Rng.stream(seed, 'any');
        draw(rng, before);
        const copy = new Rng(JSON.parse(JSON.stringify(rng.state)));
        expect(draw(copy, after)).toEqual(draw(rng, after));
      },
    ),
  );
});

test('streams of one seed differ, and their Gaussians have mean 0 and variance 1', () => {
  const draw = (name: string) => {
    const rng = Rng.stream(7, name);
    return Array.from({ length: 20_000 }, () => rng.gaussian());
  };
  const values = draw('train');
  expect(draw('sample').slice(0, 4)).not.toEqual(values.slice(0, 4));
  const mean = values.reduce((a, b) => a + b) / values.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(values.reduce((a, b) => a + b * b, 0) / values.length - 1)).toBeLessThan(0.05);
});

describe('safetensors', () => {
  const file = fc.record({
    metadata: fc.dictionary(fc.stringMatching(/^[a-z_]{1,8}$/), fc.string(), { maxKeys: 3 }),
    tensors: fc
      .array(
        fc.tuple(fc.string({ minLength: 1 }), fc.float32Array({ maxLength: 9, noNaN: true })),
        { maxLength: 4 },
      )
      .map((entries) => {
        const named = entries.filter(([name]) => name !== '__metadata__' && name !== '__proto__');
        return new Map(named.map(([name, data]) => [name, { shape: [data.length], data }]));
      }),
  });

  test('come back as they were written', () => {
    fc.assert(
      fc.property(file, (contents) => {
        const back = decodeSafetensors(encodeSafetensors(contents));
        expect(back.tensors).toEqual(new Map([...contents.tensors].sort()));
        expect({ ...back.metadata }).toEqual({ ...contents.metadata });
      }),
    );
  });

  test('cut anywhere they are refused', () => {
    const data = Float32Array.of(1, 2, 3);
    const tensors = new Map([['a', { shape: [3], data }]]);
    const bytes = encodeSafetensors({ tensors, metadata: {} });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow();
    }
  });

  test('half precision: every bit pattern of a number survives', () => {
    const changed: number[] = [];
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = fromHalf(bits);
      if (!Number.isNaN(value) && toHalf(value) !== bits) changed.push(bits);
    }
    expect(changed).toEqual([]);
  });
});

describe('options', () => {
  test.each([
    [['--ranke', '4'], /ranke/],
    [['--steps', '0'], /--steps 0: expected a whole number of at least 1/],
    [['--lr', 'fast'], /--lr fast/],
    [['--fault', 'flood@3'], /--fault flood@3: expected KIND@STEP/],
    [['--name', 'a/b'], /--name a\/b/],
  ])('%j is refused', (args, message) => {
    expect(() => readOptions(args)).toThrow(message);
  });

  test('faults may be given more than once', () => {
    const options = readOptions(['--fault', 'kill@3', '--fault', 'hang-deaf@10']);
    expect(options).toMatchObject({
      faults: [
        { kind: 'kill', step: 3 },
        { kind: 'hang-deaf', step: 10 },
      ],
    });
  });
});

test('the bar reads like one of tqdm, resumed or slow', () => {
  expect(barLine(124, 400, 0, 3.75, 0.41234)).toBe(
    'steps:  31%|███       | 124/400 [00:03<00:08, 33.07it/s, avr_loss=0.412]',
  );
  expect(barLine(60, 400, 50, 50, Number.NaN)).toBe(
    'steps:  15%|█▌        | 60/400 [00:50<28:20,  5.00s/it, avr_loss=nan]',
  );
});
