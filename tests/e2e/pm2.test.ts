import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { kill, makeStage, pidsWith, type Stage, TrainerSampler, waitFor } from './pm2-helpers.js';

jest.setTimeout(180_000);

const ECOSYSTEM = join(import.meta.dirname, '../../config/deploy/ecosystem.config.cjs');
const JOB = `name: night
trainer: reference
with: { steps: 100000, step_ms: 50, save_every: 20, keep: 3, sample_every: 0 }
`;

interface Status {
  daemon: { pid: number };
  jobs: { name: string; state: string; step: number | null; trainer_pid: number | null }[];
}

let stage: Stage;
let sampler: TrainerSampler;
let trainer: number;

beforeAll(async () => {
  stage = makeStage();
  sampler = new TrainerSampler(join(stage.home, 'outputs', 'night'));
  await stage.pm2('start', ECOSYSTEM);
  await waitFor('the daemon', isReady);
  const answer = await fetch(`${url()}/api/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ source: join(stage.home, 'night.yaml'), text: JOB }),
  });
  expect(answer.status).toBe(201);
  trainer = await steppingTrainer();
});

afterAll(async () => {
  sampler?.close();
  await stage?.close();
});

test('pm2 restart replaces the daemon, and the same trainer goes on', async () => {
  const before = announced().pid;
  await stage.pm2('restart', 'nightwarden');
  await newDaemon(before);
  expect(await steppingTrainer()).toBe(trainer);
  expect([...sampler.pids]).toEqual([trainer]);
});

test('pm2 starts a daemon again that was killed', async () => {
  const before = announced().pid;
  kill(before);
  await newDaemon(before);
  expect(await steppingTrainer()).toBe(trainer);
  expect([...sampler.pids]).toEqual([trainer]);
});

test("after the death of pm2's own daemon and a resurrection there is one daemon and one trainer", async () => {
  await stage.pm2('save');
  const orphan = announced().pid;
  const god = stage.god();
  kill(god);
  await waitFor("the end of pm2's daemon", () => !existsSync(`/proc/${god}`));
  // What pm2 does not see: the daemon it had started lives on without it.
  expect(existsSync(`/proc/${orphan}`)).toBe(true);
  await stage.pm2('resurrect');
  await newDaemon(orphan);
  await waitFor('the end of the older daemon', () => !existsSync(`/proc/${orphan}`));
  expect(await steppingTrainer()).toBe(trainer);
  expect(sampler.most).toBe(1);
  expect([...sampler.pids]).toEqual([trainer]);
  const holder = JSON.parse(readFileSync(join(stage.home, 'state/daemon.lock'), 'utf8'));
  expect(daemons()).toEqual([announced().pid]);
  expect(holder.pid).toBe(announced().pid);
  expect((await stage.described()).pid).toBe(announced().pid);
});

test('pm2 stop ends the daemon and leaves the trainer alive', async () => {
  const { pid } = announced();
  await stage.pm2('stop', 'nightwarden');
  expect(daemons()).toEqual([]);
  expect(existsSync(`/proc/${pid}`)).toBe(false);
  expect(sampler.look()).toEqual([trainer]);
});

test('a daemon that was asked to end stays ended', async () => {
  await stage.pm2('start', 'nightwarden');
  await waitFor('the daemon', isReady);
  const { restarts } = await stage.described();
  await fetch(`${url()}/api/shutdown`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  await waitFor('its end', async () => (await stage.described()).exitCode === 94);
  // The pause before a restart would be 0.1 s, which one command of pm2 takes several times over.
  expect(await stage.described()).toMatchObject({ pid: 0, restarts });
  expect(daemons()).toEqual([]);
});

test('through all of it there was one trainer', () => {
  expect(sampler.looks).toBeGreaterThan(100);
  expect(sampler.most).toBe(1);
  expect([...sampler.pids]).toEqual([trainer]);
  expect(sampler.look()).toEqual([trainer]);
});

function announced(): { pid: number; url: string } {
  return JSON.parse(readFileSync(join(stage.home, 'state/daemon.json'), 'utf8'));
}

const url = (): string => announced().url;

/** The daemons of this home, by the environment that pm2 gave them; a trainer inherits pm_id, but no
 * setting of ours. */
const daemons = (): number[] => pidsWith([`NIGHTWARDEN_HOME=${stage.home}`, 'pm_id=']);

async function isReady(): Promise<boolean> {
  if (!existsSync(join(stage.home, 'state/daemon.json'))) return false;
  return fetch(`${url()}/readyz`).then(
    ({ ok }) => ok,
    // Announced by a daemon that is gone.
    () => false,
  );
}

async function newDaemon(before: number): Promise<void> {
  await waitFor('another daemon', async () => (await isReady()) && announced().pid !== before);
}

/** Waits until the trainer has made a step beyond those known so far. */
async function steppingTrainer(): Promise<number> {
  const job = async () => ((await (await fetch(`${url()}/api/status`)).json()) as Status).jobs[0];
  const from = (await job())?.step ?? 0;
  let pid: number | null = null;
  await waitFor('a new step', async () => {
    const { state, step, trainer_pid } = (await job()) ?? { state: '', step: 0, trainer_pid: null };
    pid = trainer_pid;
    return state === 'running' && (step ?? 0) > from && pid !== null;
  });
  return pid as unknown as number;
}
