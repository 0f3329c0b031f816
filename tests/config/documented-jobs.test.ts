import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { parseJob } from '../../config/index.js';
import { adapterNames } from '../../trainer/adapters/index.js';

const text = readFileSync(new URL('../../docs/trainers.md', import.meta.url), 'utf8');
const jobs = [...text.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, job = '']) => job);

test('each documented job file is one, of at most five lines', () => {
  const parsed = jobs.map((job) => parseJob(job, '/jobs/my-lora.yaml'));
  for (const job of jobs) expect(job.trim().split('\n').length).toBeLessThanOrEqual(5);
  const named = adapterNames.filter((name) => name !== 'command' && name !== 'reference');
  expect(parsed.map(({ trainer }) => trainer).sort()).toEqual([...named].sort());
});
