import { existsSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  isAlive,
  kill,
  type Launched,
  members,
  type ProcessRef,
  stateLetter,
  usage,
} from '../../trainer/process/index.js';
import { census, LINEAGE_VARIABLE } from '../../trainer/process/lineage.js';
import { readStat } from '../../trainer/process/proc.js';
import {
  bystander,
  Ground,
  pidsIn,
  program,
  refsOf,
  targetOf,
  textOf,
  until,
  untilGone,
  untilSays,
} from './attempt.js';

let ground: Ground;
let innocent: ProcessRef[];

beforeEach(async () => {
  ground = new Ground();
  const near = [`${ground.lineage}x/1`, `x${ground.lineage}/1`, 'other/1'];
  innocent = await Promise.all([
    ...near.map((value) => bystander(ground, { [LINEAGE_VARIABLE]: value })),
    bystander(ground, { [`X${LINEAGE_VARIABLE}`]: `${ground.lineage}/1` }),
    bystander(ground, { NOTE: `${LINEAGE_VARIABLE}=${ground.lineage}/1` }),
  ]);
});
afterEach(async () => {
  const spared = innocent.map(isAlive);
  await ground.clear();
  expect(spared).toEqual(spared.map(() => true));
});

const SOON = { grace_seconds: 0.2, verify_seconds: 10 };
const PATIENT = { grace_seconds: 10, verify_seconds: 10 };

async function nothingLeft(launched: Launched, ...others: ProcessRef[]): Promise<void> {
  expect([launched.trainer, ...others].map(isAlive)).toEqual([false, ...others.map(() => false)]);
  expect(isAlive(launched.shepherd)).toBe(false);
  expect(members(ground.lineage, null, 0)).toEqual([]);
}

async function started(name: string, ...args: string[]): Promise<Launched> {
  const dir = ground.attempt();
  const runner = name.endsWith('.py') ? 'python3' : '/bin/sh';
  return await ground.launch([runner, program(name), ...args], { dir });
}

const log = (n = 1) => ground.path(`attempt-${n}.log`);

/** grandchild.py with its three processes there. */
async function family(...how: string[]): Promise<{ launched: Launched; all: ProcessRef[] }> {
  const pids = ground.path('pids');
  const launched = await started('grandchild.py', pids, ...how);
  await until(() => pidsIn(pids).length === 3, 'three processes');
  return { launched, all: refsOf(pidsIn(pids)) };
}

describe('kill ends', () => {
  test('a trainer that does as it is asked, without force', async () => {
    const launched = await started('idle.sh');
    await untilSays(log(), 'ready');
    const killed = await kill(targetOf(ground, launched), PATIENT);
    expect(killed).toMatchObject({ is: 'gone', escalated: false });
    await nothingLeft(launched);
    expect(textOf(ground.path('attempt-1/exit'))).toBe('143\n');
  });

  test('one that is asked by the signal on which it saves', async () => {
    const launched = await started('signals.py');
    await untilSays(log(), 'ready');
    const killed = await kill(targetOf(ground, launched), { ...PATIENT, signal: 'SIGINT' });
    expect(killed).toMatchObject({ is: 'gone', escalated: false });
    await nothingLeft(launched);
    // Its own ending; SIGTERM would have left 143.
    expect(textOf(ground.path('attempt-1/exit'))).toBe('7\n');
  });

  test('one that is deaf to SIGTERM', async () => {
    const launched = await started('deaf.sh');
    await untilSays(log(), 'ready');
    const killed = await kill(targetOf(ground, launched), SOON);
    expect(killed).toMatchObject({ is: 'gone', escalated: true });
    await nothingLeft(launched);
    expect(textOf(ground.path('attempt-1/exit'))).toBe('137\n');
  });

  test('one that is stopped, without force: it is woken to hear', async () => {
    const launched = await started('stopped.sh');
    await until(() => stateLetter(launched.trainer) === 'T', 'the trainer to stop');
    const killed = await kill(targetOf(ground, launched), PATIENT);
    expect(killed).toMatchObject({ is: 'gone', escalated: false });
    await nothingLeft(launched);
  });

  test('one that is stopped together with its shepherd', async () => {
    const launched = await started('idle.sh');
    await untilSays(log(), 'ready');
    process.kill(-launched.shepherd.pid, 'SIGSTOP');
    await until(() => stateLetter(launched.shepherd) === 'T', 'the shepherd to stop');
    expect(await kill(targetOf(ground, launched), PATIENT)).toMatchObject({ is: 'gone' });
    await nothingLeft(launched);
    expect(textOf(ground.path('attempt-1/exit'))).toBe('143\n');
  });

  test.each([
    ['in a session of its own', ['setsid']],
    ['in a session of its own and deaf', ['setsid', 'deaf']],
    ['with an empty environment', ['clear']],
    ['in a session of its own with an empty environment', ['setsid', 'clear']],
    ['in a session of its own with an empty environment and deaf', ['setsid', 'clear', 'deaf']],
  ])('a grandchild %s', async (_what, how) => {
    const { launched, all } = await family(...how);
    expect(members(ground.lineage, launched.shepherd, 0)).toHaveLength(3);
    expect(await kill(targetOf(ground, launched), SOON)).toMatchObject({ is: 'gone' });
    await nothingLeft(launched, ...all);
  });

  test('what a trainer that is dead left behind, found by its mark or its session alone', async () => {
    const { launched, all } = await family('setsid');
    process.kill(launched.trainer.pid, 'SIGKILL');
    await untilGone(launched.shepherd);
    expect(all.map(isAlive)).toEqual([false, true, true]);
    expect(await kill({ ...ground.target }, SOON)).toMatchObject({ is: 'gone' });
    await nothingLeft(launched, ...all);
  });

  test('a child that a trainer starts on SIGTERM', async () => {
    const pids = ground.path('pids');
    const launched = await started('fork-on-term.py', pids);
    await until(() => pidsIn(pids).length === 1, 'the trainer');
    const killed = await kill(targetOf(ground, launched), SOON);
    expect(killed).toMatchObject({ is: 'gone', escalated: true });
    expect(pidsIn(pids)).toHaveLength(2);
    // One that nobody has reaped yet is dead all the same.
    const letters = pidsIn(pids).map((pid) => readStat(pid)?.letter ?? 'Z');
    expect(new Set(letters)).toEqual(new Set(['Z']));
    await nothingLeft(launched);
  });

  test.each(['relay', 'brood'])('a fork loop (%s), before it has come to its end', async (kind) => {
    const done = ground.path('done');
    const launched = await started('fork-loop.py', done, kind === 'relay' ? '4000' : '400', kind);
    await untilSays(log(), 'ready');
    const how = { grace_seconds: 0, verify_seconds: 10 };
    expect(await kill(targetOf(ground, launched), how)).toMatchObject({ is: 'gone' });
    expect(existsSync(done)).toBe(false);
    await nothingLeft(launched);
  });

  test('nobody is taken for gone in a family of which somebody is always alive', async () => {
    const done = ground.path('done');
    await started('fork-loop.py', done, '4000', 'relay');
    await untilSays(log(), 'ready');
    let missed = 0;
    for (let look = 0; look < 150; look += 1) {
      const { found, sure } = census(ground.lineage, null, 0);
      if (found.length > 0) continue;
      if (existsSync(done)) break;
      missed += 1;
      expect(sure).toBe(false);
    }
    // What makes the word "sure" necessary.
    expect(missed).toBeGreaterThan(0);
  });

  test('nothing, when all are dead already', async () => {
    const launched = await started('end.sh', 'code', '0');
    await untilGone(launched.shepherd);
    const killed = await kill(targetOf(ground, launched), PATIENT);
    expect(killed).toMatchObject({ is: 'gone', escalated: false });
  });

  test('everything of a job, when neither shepherd nor start are known', async () => {
    const first = await started('idle.sh');
    const second = await started('deaf.sh');
    await untilSays(log(2), 'ready');
    expect(await kill(ground.target, SOON)).toMatchObject({ is: 'gone', escalated: true });
    await nothingLeft(first);
    await nothingLeft(second);
  });
});

test('a shepherd whose pid is now another leader takes nobody of that session with it', async () => {
  const launched = await started('idle.sh');
  const stranger = new Ground();
  try {
    const other = await stranger.launch(['/bin/sh', program('idle.sh')]);
    // Our shepherd's pid as it would be once given to the other one.
    const shepherd = { ...other.shepherd, start_ticks: other.shepherd.start_ticks - 100 };
    const target = { lineage: ground.lineage, shepherd, since: 0 };
    expect(await kill(target, PATIENT)).toMatchObject({ is: 'gone' });
    expect(isAlive(launched.trainer)).toBe(false);
    expect([other.shepherd, other.trainer].map(isAlive)).toEqual([true, true]);
    const elsewhere = { ...other.shepherd, boot_id: 'another boot' };
    expect(members(ground.lineage, elsewhere, 0)).toEqual([]);
  } finally {
    await stranger.clear();
  }
});

test('usage counts what the processes of the attempt did, and nothing once they are gone', async () => {
  const input = ground.path('input');
  writeFileSync(input, Buffer.alloc(3 << 20));
  const script = `i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; cat ${input} >/dev/null; echo ready; exec sleep 3600`;
  const launched = await ground.launch(['/bin/sh', '-c', script]);
  await untilSays(log(), 'ready');
  const target = targetOf(ground, launched);
  const { cpu_seconds, io_bytes } = usage(target);
  expect(cpu_seconds).toBeGreaterThan(0);
  expect(io_bytes).toBeGreaterThanOrEqual(6 << 20);
  await kill(target, PATIENT);
  expect(usage(target)).toEqual({ cpu_seconds: 0, io_bytes: 0 });
  expect(stateLetter(launched.trainer)).toBeNull();
});
