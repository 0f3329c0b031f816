import { renameSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import { type Phase, SHARED, type WorkerMessage, type WorkerStart } from './heartbeat.js';

/** New steps are looked for ten times a second; without any, a beat goes out every second. */
const POLL_MS = 100;
const IDLE_POLLS = 10;

const { dir, attempt, numbers, totalSteps } = workerData as WorkerStart;
const port = parentPort!;
const values = new Float64Array(numbers, 0, SHARED.length);
const changes = new BigInt64Array(numbers, 8 * SHARED.length, 1);
const file = path.join(dir, 'rank-0.json');
const temporary = path.join(dir, '.tmp-rank-0.json');
let seq = 0;
let phases: readonly Phase[] = [];
let seen = 0n;
let idle = 0;
let failed = false;

const timer = setInterval(() => {
  idle += 1;
  if (Atomics.load(changes, 0) !== seen || idle >= IDLE_POLLS) beat();
}, POLL_MS);

port.on('message', (message: WorkerMessage) => {
  if (message === 'close') {
    clearInterval(timer);
    port.close();
  } else {
    phases = message.phases;
  }
  beat();
});
port.postMessage('ready');

/**
 * Replaces rank-0.json. A loss that is not finite is written as a string ("nan", "inf", "-inf"): JSON
 * has no word for it, and null would say that there is none.
 */
function beat(): void {
  idle = 0;
  seen = Atomics.load(changes, 0);
  seq += 1;
  const started = seen > 0n;
  const loss = values[SHARED.loss]!;
  const json = {
    v: 1,
    attempt,
    pid: process.pid,
    rank: 0,
    seq,
    time: Date.now() / 1000,
    total_steps: totalSteps,
    ...(started && { step: values[SHARED.step], epoch: values[SHARED.epoch] }),
    ...(started && {
      loss: Number.isFinite(loss) ? loss : String(loss).toLowerCase().replace('infinity', 'inf'),
    }),
    phases,
  };
  try {
    writeFileSync(temporary, JSON.stringify(json));
    renameSync(temporary, file);
    failed = false;
  } catch (error) {
    // A full disk must not end a training; without beats the supervisor judges by the log instead.
    if (!failed) writeSync(2, `\nheartbeat not written: ${(error as Error).message}\n`);
    failed = true;
  }
}
