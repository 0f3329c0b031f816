import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attachLora } from '../../trainer/reference/lora.js';
import { layerShapes, Network } from '../../trainer/reference/network.js';
import { Rng } from '../../trainer/reference/rng.js';
import { Training } from '../../trainer/reference/training.js';

const shape = { latent: 5, hidden: 6, blocks: 1, time: 4 };

function setUp(seed: number) {
  const rng = Rng.stream(3, 'base');
  const weights = new Map<string, Float32Array>();
  for (const { name, inputs, outputs } of layerShapes(shape)) {
    const make = (n: number) => Float32Array.from({ length: n }, () => rng.gaussian() / 3);
    weights.set(`${name}.weight`, make(inputs * outputs));
    weights.set(`${name}.bias`, make(outputs));
  }
  weights.set('latent.deviation', new Float32Array(5).fill(1));
  const images = Array.from({ length: 3 }, () => {
    return Float32Array.from({ length: 5 }, () => rng.gaussian());
  });
  const network = new Network(shape, weights);
  const lora = attachLora(network, 2, 2, Rng.stream(seed, 'lora'));
  return { lora, training: new Training(network, lora, images, { lr: 0.02, batch: 2, seed }) };
}

test('a training taken up at any step, through JSON, ends in the same weights', () => {
  fc.assert(
    fc.property(fc.nat(1000), fc.nat(12), fc.nat(12), (seed, before, after) => {
      const whole = setUp(seed);
      for (let k = 0; k < before; k++) whole.training.advance();
      const resumed = setUp(seed);
      resumed.training.restore(JSON.parse(JSON.stringify(whole.training.state)), 0);
      for (const part of ['params', 'first', 'second'] as const) {
        resumed.lora[part].set(whole.lora[part]);
      }
      for (let k = 0; k < after; k++)
        expect(resumed.training.advance()).toBe(whole.training.advance());
      expect(resumed.lora.params).toEqual(whole.lora.params);
      expect(resumed.training.state).toEqual(whole.training.state);
    }),
    { numRuns: 40 },
  );
});

test('the loss falls, and a batch of two over three images counts epochs', () => {
  const { training } = setUp(5);
  const early = Array.from({ length: 20 }, () => training.advance());
  for (let k = 0; k < 400; k++) training.advance();
  const late = Array.from({ length: 20 }, () => training.advance());
  const sum = (values: number[]) => values.reduce((a, b) => a + b);
  expect(sum(late)).toBeLessThan(0.7 * sum(early));
  expect(training.epoch).toBe(Math.ceil((440 * 2) / 3) - 1);
});

test('a reseed changes what follows, once', () => {
  const original = setUp(9).training;
  for (let k = 0; k < 4; k++) original.advance();
  const reseeded = setUp(9).training;
  reseeded.restore(original.state, 1);
  expect(reseeded.state.rng).not.toEqual(original.state.rng);
  const again = setUp(9).training;
  again.restore(reseeded.state, 1);
  expect(again.state).toEqual(reseeded.state);
});
