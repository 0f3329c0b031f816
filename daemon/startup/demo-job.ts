import { join } from 'node:path';
import { type JobFile, parseJob } from '../../config/index.js';

/** The job that `npm start` queues where there is none yet: the embedded trainer on the shipped
 * images, with a crash and a hang in it for a newcomer to watch. */
const DEMO = `name: demo
trainer: reference
with:
  steps: 600
  save_every: 50
  sample_every: 200
  faults: [crash@170, hang@390]
hang: { floor_seconds: 4, confirm_seconds: 1 }
`;

export function demoJob(home: { config: string }): JobFile {
  return parseJob(DEMO, join(home.config, 'jobs', 'demo.yaml'));
}
