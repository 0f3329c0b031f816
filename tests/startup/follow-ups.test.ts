import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Observation } from '../../daemon/core/index.js';
import { createFollowUps } from '../../daemon/startup/follow-ups.js';
import { Night } from '../core/night.js';
import { lora } from '../deliver/lora.js';

type Told = Extract<Observation, { is: 'followed_up' }>;

let root: string;
let told: Told[];
let errors: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nightwarden-follow-ups-'));
  mkdirSync(join(root, 'loras'));
  writeFileSync(join(root, 'lora.safetensors'), lora(1));
  told = [];
  errors = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** A finished job that asks for a delivery, and what carries it out. */
function finished(spec: unknown) {
  const plan = { cwd: root, done: { artefact: join(root, 'lora.safetensors') } };
  const night = new Night().start({ plan, follow_ups: { deliver: spec } }).steps(100, 1);
  night.exit({ code: 0 }, { artefact: 'whole' });
  const error = (message: string) => void errors.push(message);
  const tasks = createFollowUps({
    job: (name) => night.core.state.jobs[name],
    observe: async (seen) => {
      if (seen.is === 'followed_up') told.push(seen);
      night.see(seen);
    },
    home: root,
    env: {},
    log: { warn: error, error },
  });
  const id = night.job.tasks?.deliver?.id ?? 0;
  const go = (which = id) =>
    tasks.execute({ do: 'follow_up', job: 'lora', task: 'deliver', id: which });
  return { night, tasks, go };
}

const over = async (): Promise<void> => {
  while (told.length === 0) await new Promise(setImmediate);
};

test('the outcome is told, with the id of the asking', async () => {
  const { night, go } = finished({ to: [join(root, 'loras')], by: 'copy' });
  go();
  await over();
  expect(told).toMatchObject([{ id: night.job.tasks?.deliver?.id, outcome: { is: 'done' } }]);
  expect(night.job.tasks?.deliver?.at).toBe('done');
});

test('what nobody foresaw is told too, and tried again', async () => {
  const { night, go } = finished(null);
  go();
  await over();
  expect(night.job.tasks?.deliver).toMatchObject({
    at: 'waiting',
    reason: expect.stringContaining('null'),
  });
});

test('what was asked for no longer is not done, and what is broken off is not told', async () => {
  const { go, tasks } = finished({ to: [join(root, 'loras')], by: 'copy' });
  go(12345);
  go();
  await tasks.close();
  expect(told).toEqual([]);
  expect(errors).toEqual([]);
});
