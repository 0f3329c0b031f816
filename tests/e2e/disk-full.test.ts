import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { House, program, until } from './house.js';

/** Only root may mount the small volume that this needs. */
const mayMount = (() => {
  try {
    execFileSync('unshare', ['--mount', 'true'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
const onSmallVolume = mayMount ? test : test.skip;
if (!mayMount)
  process.stderr.write('disk-full.test.ts is left out: mounting a volume is not allowed here\n');

let house: House;

beforeEach(() => {
  house = new House('checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n');
  mkdirSync(house.path('state'));
  mkdirSync(house.path('work'));
  if (mayMount)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', house.path('state')]);
  cpSync(program('stranger.py'), house.path('work/stranger.py'));
});

afterEach(async () => {
  try {
    await house.end();
  } finally {
    if (mayMount) execFileSync('umount', ['-l', house.path('state')]);
    await house.demolish();
  }
});

onSmallVolume(
  'the state volume fills up: the training goes on, and the journal catches up',
  async () => {
    await house.up();
    await house.queue(
      'full',
      `name: full
command: [python3, stranger.py, --steps, "240"]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
done: { step: 240, artefact: out/final.json }
`,
    );
    const before = await house.job('full', 'some steps', ({ step }) => (step ?? 0) > 20);
    const { bavail, bsize } = statfsSync(house.path('state'));
    const ballast = house.path('state/ballast');
    expect(() => writeFileSync(ballast, Buffer.alloc(bavail * bsize + 65_536))).toThrow(/ENOSPC/);

    const health = await until('a daemon that says so', async () => {
      const text = await (await fetch(`${house.url()}/healthz`)).text();
      return text.includes('ENOSPC') ? text : null;
    });
    expect(health).toContain('degraded');
    const during = await house.job(
      'full',
      'steps while the disk is full',
      ({ step }) => (step ?? 0) > 90,
    );
    expect(during.trainer_pid).toBe(before.trainer_pid);

    unlinkSync(ballast);
    await until(
      'a journal that is written again',
      async () => !(await (await fetch(`${house.url()}/healthz`)).text()).includes('ENOSPC'),
    );
    const end = await house.job('full', 'the end', ({ state }) => state === 'finished');
    expect(end).toMatchObject({ step: 240, attempts_by_cause: { start: 1 } });
    // Nothing of what happened meanwhile is missing on disk.
    const lines = house
      .read('state/journal.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { seq: number; type: string });
    expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, i) => (lines[0]?.seq ?? 0) + i));
    expect(lines.some(({ type }) => type === 'journal_gap')).toBe(false);
  },
);

onSmallVolume('a daemon that starts on a full volume is found once there is room', async () => {
  const first = await house.up();
  first.kill('SIGKILL');
  await until('its end', () => first.signalCode !== null);
  const ballast = house.path('state/ballast');
  const { bavail, bsize } = statfsSync(house.path('state'));
  expect(() => writeFileSync(ballast, Buffer.alloc(bavail * bsize + 65_536))).toThrow(/ENOSPC/);
  const up = house.up();
  await until('a daemon that says so', () =>
    readFileSync(house.path('logs/nightwarden.jsonl'), 'utf8').includes(
      'daemon.json cannot be written',
    ),
  );
  unlinkSync(ballast);
  await up;
  expect((await house.status()).daemon).toMatchObject({ pid: house.daemons[1]?.pid });
});
