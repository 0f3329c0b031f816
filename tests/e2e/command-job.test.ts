import { cpSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Census, processesWith } from './census.js';
import { House, program, until } from './house.js';

const STEPS = 120;
const JOB = `name: stranger
command: [python3, stranger.py, --steps, "${STEPS}"]
cwd: work
log: { step: 'step (\\d+)/(\\d+)', loss: 'loss=([\\d.]+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
done: { step: ${STEPS}, artefact: out/final.json }
`;

let house: House;
let census: Census;

beforeEach(() => {
  house = new House('checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n');
  house.write('work/.keep', '');
  cpSync(program('stranger.py'), house.path('work/stranger.py'));
  // The shepherd has the program among its arguments too, but it is a shell.
  census = new Census(() => trainers());
});

afterEach(async () => {
  census.end();
  await house.demolish();
});

const trainers = (): number[] =>
  processesWith(['stranger.py', '--steps']).filter((pid) => inHome(pid) && isPython(pid));

function inHome(pid: number): boolean {
  return environ(pid).includes(`NIGHTWARDEN_HEARTBEAT_DIR=${house.home}/`);
}

function environ(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return '';
  }
}

function isPython(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').startsWith('python');
  } catch {
    return false;
  }
}

/** What the trainer itself recorded: where each of its lives began, and every step. */
function lives(): { from: number; steps: number[] }[] {
  const found: { from: number; steps: number[] }[] = [];
  for (const line of house.read('work/trace.jsonl').trim().split('\n')) {
    const { from, step } = JSON.parse(line) as { from?: number; step?: number };
    if (from !== undefined) found.push({ from, steps: [] });
    else if (step !== undefined) found.at(-1)?.steps.push(step);
  }
  return found;
}

async function begin(): Promise<number> {
  await house.up();
  await house.queue('stranger', JOB);
  const job = await house.job(
    'stranger',
    'step 35 and a checkpoint',
    ({ step, checkpoint }) => (step ?? 0) >= 35 && (checkpoint?.step ?? 0) >= 30,
  );
  if (job.trainer_pid === null) throw new Error('running without a pid');
  return job.trainer_pid;
}

async function finish() {
  return await house.job(
    'stranger',
    'the end',
    ({ state }) => state === 'finished' || state === 'failed',
  );
}

/** Each life went on from a checkpoint, not from the beginning, and made every step in turn. */
function expectContinued(): void {
  const [first, ...later] = lives();
  expect(first?.from).toBe(0);
  for (const life of later) {
    expect(life.from).toBeGreaterThanOrEqual(30);
    expect(life.from % 10).toBe(0);
  }
  for (const { from, steps } of lives()) expect(steps).toEqual(steps.map((_, i) => from + 1 + i));
  expect(lives().at(-1)?.steps.at(-1)).toBe(STEPS);
}

describe('a program known only by the steps it prints', () => {
  test('kill -9 of the trainer', async () => {
    const pid = await begin();
    process.kill(pid, 'SIGKILL');
    const job = await finish();
    expect(job).toMatchObject({
      state: 'finished',
      step: STEPS,
      attempts_by_cause: { start: 1, crash: 1 },
    });
    expectContinued();
    expect(lives()).toHaveLength(2);
    expect(census.most).toBe(1);
  });

  test('kill -9 of the daemon: the same trainer is taken up again', async () => {
    const pid = await begin();
    house.daemons[0]?.kill('SIGKILL');
    await until('some steps without a daemon', () => (lives().at(-1)?.steps.at(-1) ?? 0) > 50);
    await house.up();
    const adopted = await house.job(
      'stranger',
      'adoption',
      ({ trainer_pid }) => trainer_pid !== null,
    );
    expect(adopted.trainer_pid).toBe(pid);
    expect(await finish()).toMatchObject({
      state: 'finished',
      attempts_by_cause: { start: 1 },
      lost_steps: 0,
    });
    expect(lives()).toHaveLength(1);
    expect(census.most).toBe(1);
  });

  test('kill -9 of the daemon, and the trainer ends well before the next one comes', async () => {
    await begin();
    house.daemons[0]?.kill('SIGKILL');
    await until('the end of the trainer', () => trainers().length === 0);
    await house.up();
    expect(await finish()).toMatchObject({
      state: 'finished',
      step: STEPS,
      attempts_by_cause: { start: 1 },
    });
    expect(lives()).toHaveLength(1);
  });

  test('kill -9 of both', async () => {
    const pid = await begin();
    house.daemons[0]?.kill('SIGKILL');
    process.kill(pid, 'SIGKILL');
    await until('the end of the trainer', () => trainers().length === 0);
    await house.up();
    expect(await finish()).toMatchObject({
      state: 'finished',
      attempts_by_cause: { start: 1, crash: 1 },
    });
    expectContinued();
    expect(census.most).toBe(1);
  });

  test('kill -9 of daemon, shepherd and trainer at once', async () => {
    const pid = await begin();
    house.daemons[0]?.kill('SIGKILL');
    for (const shepherd of processesWith(['shepherd.sh', house.home]))
      process.kill(shepherd, 'SIGKILL');
    process.kill(pid, 'SIGKILL');
    await house.up();
    expect(await finish()).toMatchObject({ state: 'finished', attempt: 2 });
    expectContinued();
    expect(census.most).toBe(1);
  });

  test('SIGSTOP of the trainer: it is continued and loses nothing', async () => {
    const pid = await begin();
    process.kill(pid, 'SIGSTOP');
    expect(await finish()).toMatchObject({
      state: 'finished',
      attempts_by_cause: { start: 1 },
      lost_steps: 0,
    });
    expect(lives()).toHaveLength(1);
    expect(census.pids.size).toBe(1);
  });
});
