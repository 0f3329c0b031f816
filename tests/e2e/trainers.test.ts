import { chmodSync, cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { processesWith } from './census.js';
import { House, program } from './house.js';

const BATCHES = 8;

let house: House;

beforeEach(() => {
  house = new House('checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n');
  house.write('work/.keep', '');
  cpSync(program('standin'), house.path('work'), { recursive: true });
});

afterEach(() => house.demolish());

/** Lets the trainer go on up to this step of the run. */
function open(step: number): void {
  writeFileSync(house.path('work/gate.new'), String(step));
  renameSync(house.path('work/gate.new'), house.path('work/gate'));
}

interface Traced {
  readonly seen: number;
  readonly epoch?: number;
  readonly batch?: number;
}

const traced = (): Traced[] =>
  house
    .read('work/trace.jsonl')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Traced);

async function finished(name: string) {
  return await house.job(name, 'the end', ({ state }) => ['finished', 'failed'].includes(state));
}

function pidOf({ trainer_pid }: { trainer_pid: number | null }): number {
  if (trainer_pid === null) throw new Error('running without a pid');
  return trainer_pid;
}

const ENV = `env: { BATCHES: ${BATCHES}, GATE: gate, TRACE: trace.jsonl }`;

const kohya = (epochs: number, env = ENV): string => `name: my-lora
trainer: sd-scripts
cwd: work
command: [python3, train_network.py, --output_dir, out, --max_train_epochs, ${epochs}]
${env}
`;

test('kohya: killed ten times, every step has its own number and every file its own epoch', async () => {
  const epochs = 12;
  open(0);
  await house.up();
  await house.queue('my-lora', kohya(epochs));
  for (let i = 1; i <= 10; i += 1) {
    const at = i * BATCHES + 3;
    open(at);
    const job = await house.job(
      'my-lora',
      `step ${at} of attempt ${i}`,
      ({ step, attempt }) => step === at && attempt === i,
    );
    expect(job.total_steps).toBe(epochs * BATCHES);
    process.kill(pidOf(job), 'SIGKILL');
  }
  open(epochs * BATCHES);
  const job = await finished('my-lora');
  expect(job).toMatchObject({
    state: 'finished',
    step: epochs * BATCHES,
    attempts_by_cause: { start: 1, crash: 10 },
    lost_steps: 30,
  });
  // Each attempt began where an epoch had ended, and made the epochs' own batches.
  const lives = traced();
  for (const { seen, epoch, batch } of lives)
    expect(seen).toBe(((epoch ?? 0) - 1) * BATCHES + (batch ?? 0));
  expect(lives).toHaveLength(epochs * BATCHES + 30);
  const name = (n: number): string => `my-lora-${String(n).padStart(6, '0')}`;
  expect(readdirSync(house.path('work/out')).sort()).toEqual(
    [
      ...Array.from({ length: epochs - 1 }, (_, i) => `${name(i + 1)}.safetensors`),
      ...[`${name(10)}-state`, `${name(11)}-state`, 'my-lora-state', 'my-lora.safetensors'],
    ].sort(),
  );
});

describe('the end of a kohya run', () => {
  const job = kohya(2, `env: { BATCHES: ${BATCHES}, GATE_FINAL: go, TRACE: trace.jsonl }`);

  test('killed between the last state and the file: the file is made of the state', async () => {
    await house.up();
    await house.queue('my-lora', job);
    const last = await house.job(
      'my-lora',
      'the last state, verified',
      ({ step, checkpoint }) =>
        step === 16 && (checkpoint?.path.endsWith('my-lora-state') ?? false),
    );
    process.kill(pidOf(last), 'SIGKILL');
    expect(await finished('my-lora')).toMatchObject({
      state: 'finished',
      step: 16,
      attempts_by_cause: { start: 1, crash: 1 },
    });
    expect(house.read('logs/my-lora/attempt-2.log')).toMatch(/^Made .* of the last state/);
    // Not a step was made twice.
    expect(traced()).toHaveLength(16);
  });

  test('queued again when it is finished, it is a success and nothing is trained', async () => {
    house.write('work/go', '');
    await house.up();
    await house.queue('my-lora', job);
    await finished('my-lora');
    const made = readFileSync(house.path('work/out/my-lora.safetensors'));
    await house.queue('my-lora', job);
    const again = await house.job(
      'my-lora',
      'the end of the second attempt',
      ({ state, attempt }) => attempt === 2 && ['finished', 'failed'].includes(state),
    );
    expect(again.state).toBe('finished');
    expect(readFileSync(house.path('work/out/my-lora.safetensors'))).toEqual(made);
    expect(traced()).toHaveLength(16);
  });
});

test('kohya: a state torn in the night is moved away, the epoch before is gone on from', async () => {
  open(0);
  await house.up();
  await house.queue('my-lora', kohya(4));
  open(2 * BATCHES + 1);
  const job = await house.job('my-lora', 'a step of the third epoch', ({ step }) => step === 17);
  writeFileSync(house.path('work/out/my-lora-000002-state/optimizer.bin'), 'PK');
  process.kill(pidOf(job), 'SIGKILL');
  open(4 * BATCHES);
  expect(await finished('my-lora')).toMatchObject({ state: 'finished', step: 4 * BATCHES });
  const lives = traced();
  const at = lives.findIndex(({ seen }, i) => seen <= (lives[i - 1]?.seen ?? 0));
  expect(lives[at]).toMatchObject({ seen: BATCHES + 1, epoch: 2, batch: 1 });
});

test('kohya: a daemon that comes back knows the step of the run of a resumed attempt', async () => {
  open(BATCHES + 2);
  await house.up();
  await house.queue('my-lora', kohya(3));
  const first = await house.job('my-lora', 'step 10', ({ step }) => step === BATCHES + 2);
  process.kill(pidOf(first), 'SIGKILL');
  open(BATCHES + 4);
  await house.job(
    'my-lora',
    'step 12',
    ({ step, attempt }) => attempt === 2 && step === BATCHES + 4,
  );
  house.daemons[0]?.kill('SIGKILL');
  open(BATCHES + 6);
  await house.up();
  await house.job(
    'my-lora',
    'step 14',
    ({ step, attempt }) => attempt === 2 && step === BATCHES + 6,
  );
  open(3 * BATCHES);
  expect(await finished('my-lora')).toMatchObject({ state: 'finished', step: 24, attempt: 2 });
  expect(traced()).toHaveLength(3 * BATCHES + 2);
});

test('diffusers: killed, it goes on from its last whole checkpoint by name', async () => {
  open(0);
  await house.up();
  await house.queue(
    'my-lora',
    `name: my-lora
trainer: diffusers
cwd: work
command: [python3, train_dreambooth_lora_flux.py, --output_dir, out, --max_train_steps, 40, --checkpointing_steps, 10]
${ENV}
`,
  );
  for (const at of [13, 26]) {
    open(at);
    const job = await house.job('my-lora', `step ${at}`, ({ step }) => step === at);
    process.kill(pidOf(job), 'SIGKILL');
  }
  open(40);
  expect(await finished('my-lora')).toMatchObject({
    state: 'finished',
    step: 40,
    total_steps: 40,
    lost_steps: 9,
  });
  expect(traced()).toHaveLength(49);
  expect(house.read('logs/my-lora/attempt-3.log')).toContain(
    'Resuming from checkpoint checkpoint-20',
  );
});

describe('OneTrainer, which saves and ends with 0 when it is interrupted', () => {
  beforeEach(async () => {
    house.write(
      'work/a.json',
      '{"workspace_dir": "ws", "output_model_destination": "out/a.safetensors", "epochs": 4}',
    );
    house.write('work/run-cmd.sh', '#!/bin/sh\nshift\npython3 onetrainer.py "$@"\n');
    chmodSync(house.path('work/run-cmd.sh'), 0o755);
    open(7);
    await house.up();
    await house.queue(
      'my-lora',
      `name: my-lora
trainer: onetrainer
cwd: work
with: { config: a.json }
env: { BATCHES: 5, GATE: gate, TRACE: trace.jsonl }
`,
    );
    await house.job('my-lora', 'step 7', ({ step }) => step === 7);
  });

  test('interrupted by somebody: that was not the end, and it goes on from what it saved', async () => {
    for (const pid of processesWith(['onetrainer.py'], ['shepherd']).filter(isOurs))
      process.kill(pid, 'SIGINT');
    open(20);
    expect(await finished('my-lora')).toMatchObject({
      state: 'finished',
      step: 20,
      attempts_by_cause: { start: 1, exit_early: 1 },
      lost_steps: 0,
    });
    expect(traced().map(({ seen }) => seen)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  test('stopped by us: it saves first, and a resume loses nothing', async () => {
    expect(await house.post('/api/jobs/my-lora/stop')).toBe(200);
    await house.job('my-lora', 'the stop', ({ state }) => state === 'stopped');
    expect(readdirSync(house.path('work/ws/backup')).at(-1)).toMatch(/-backup-7-1-2$/);
    open(20);
    expect(await house.post('/api/jobs/my-lora/resume')).toBe(200);
    expect(await finished('my-lora')).toMatchObject({ state: 'finished', step: 20 });
    expect(traced()).toHaveLength(20);
  });
});

/** Python itself, of this home: not the shell that waits for it. */
function isOurs(pid: number): boolean {
  const read = (name: string) => readFileSync(`/proc/${pid}/${name}`, 'latin1');
  try {
    return read('comm').startsWith('python') && read('environ').includes(house.home);
  } catch {
    // It ended while we looked.
    return false;
  }
}
