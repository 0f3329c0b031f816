import { describe, expect, test } from '@jest/globals';
import { ConfigError, jobFault, parseJob } from '../../config/index.js';
import { adapterNames } from '../../trainer/adapters/index.js';

function refused(text: string): string[] {
  try {
    parseJob(text, 'job.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n');
    throw error;
  }
  throw new Error('expected a ConfigError');
}

describe('the options of a named trainer', () => {
  test.each([
    [
      'trainer: fluxgym\nwith: { lorra: a }',
      '3:9  with.lorra: unknown key. Did you mean with.lora?',
    ],
    [
      'trainer: fluxgym\nwith: { lora: 3 }',
      '3:15  with.lora: expected the name of a LoRA as given to FluxGym, got 3.',
    ],
    [
      'trainer: ai-toolkit',
      "with.config: missing. Expected the path of the trainer's own configuration.",
    ],
    [
      'trainer: sd-scripts\ncommand: [train_network.py]\nwith: { save_every_n_epochs: 0 }',
      '4:30  with.save_every_n_epochs: expected a whole number of at least 1, got 0.',
    ],
    [
      'trainer: diffusers\ncommand: [a.py]\nwith: { seed: 1 }',
      '4:9  with.seed: unknown key. trainer: diffusers has no options; its own stand in command.',
    ],
    [
      'trainer: sd-scripts',
      'command: missing. trainer: sd-scripts runs what stands here, the script and its options.',
    ],
    ['trainer: sdscripts', 'got "sdscripts". Did you mean sd-scripts?'],
  ])('%j', (text, complaint) => {
    const told = refused(`name: x\n${text}\n`);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(complaint);
  });

  test('all trainers there are are known to both rooms', () => {
    const [told] = refused('name: x\ntrainer: zzzzzzzz\n');
    expect(told).toContain(`expected one of ${adapterNames.join(', ')}, got "zzzzzzzz".`);
  });
});

test("an adapter's objection gets the place of the key", () => {
  const text = 'name: x\ntrainer: fluxgym\nwith:\n  lora: a\n';
  expect(jobFault(text, 'job.yaml', 'with.lora', 'expected b.').message).toBe(
    'job.yaml:4:9  with.lora: expected b.',
  );
  expect(jobFault(text, 'job.yaml', 'with.script', 'expected b.').message).toMatch(
    /^job\.yaml:3:1 {2}with\.script: expected b\.$/,
  );
});
