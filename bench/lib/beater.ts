// A trainer as far as a supervisor can see: ten steps a second, each told by a heartbeat file that
// replaces the one before. Runs until it is ended.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const STEP_MS = 100;
const dir = process.env['NIGHTWARDEN_HEARTBEAT_DIR'];
if (dir === undefined) throw new Error('NIGHTWARDEN_HEARTBEAT_DIR: expected the path of a folder');
mkdirSync(dir, { recursive: true });

const attempt = Number(process.env['NIGHTWARDEN_ATTEMPT'] ?? '1');
let step = 0;
setInterval(() => {
  step += 1;
  const beat = {
    v: 1,
    attempt,
    pid: process.pid,
    rank: 0,
    seq: step,
    time: Date.now() / 1000,
    step,
    total_steps: 1_000_000,
    epoch: 0,
    loss: 1 / step,
    phases: [{ name: 'step', since: Date.now() / 1000 }],
  };
  const temporary = join(dir, '.rank-0.json.tmp');
  writeFileSync(temporary, JSON.stringify(beat));
  renameSync(temporary, join(dir, 'rank-0.json'));
}, STEP_MS);
