import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { abandon, isAbandoned } from '../../trainer/process/attempt-dir.js';
import { bootId, isAlive, readRef, settle } from '../../trainer/process/index.js';
import { parseStat, readStat, refOf } from '../../trainer/process/proc.js';
import { Ground, program, SHEPHERD, until, untilGone } from './attempt.js';

let ground: Ground;
beforeEach(() => {
  ground = new Ground();
});
afterEach(() => ground.clear());

const statLine = (pid: number | 'self') => readFileSync(`/proc/${pid}/stat`, 'utf8').trimEnd();

/** A stat line as one, of the process that started `ticks` later under the same pid. */
function asReused(line: string, ticks: number): string {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  fields[19] = String(Number(fields[19]) + ticks);
  return `${line.slice(0, line.lastIndexOf(')') + 2)}${fields.join(' ')}`;
}

describe('the claim', () => {
  test('fifty races between a shepherd and a daemon that gives the attempt up: one wins', async () => {
    const wins = { shepherd: 0, daemon: 0 };
    for (let race = 0; race < 50; race += 1) {
      const dir = ground.attempt();
      const ran = ground.path(`ran-${race}`);
      const child = spawn('/bin/sh', [SHEPHERD, dir, 'touch', ran], { stdio: 'ignore' });
      const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
      // From at once to well after a shell has started, so that both win some.
      const until = performance.now() + (race % 10) * 0.4;
      while (performance.now() < until);
      const abandoned = abandon(dir);
      expect(await code).toBe(abandoned ? 75 : 0);
      expect(existsSync(ran)).toBe(!abandoned);
      expect(isAbandoned(dir)).toBe(abandoned);
      expect(readRef(dir, 'trainer') === null).toBe(abandoned);
      wins[abandoned ? 'daemon' : 'shepherd'] += 1;
    }
    expect(wins.shepherd + wins.daemon).toBe(50);
    expect(wins.daemon).toBeGreaterThan(0);
  });

  test('two shepherds in one folder: one trainer', async () => {
    const dir = ground.attempt();
    const runs = ground.path('runs');
    const codes = await Promise.all(
      Array.from({ length: 8 }, () => {
        const words = [SHEPHERD, dir, '/bin/sh', '-c', `echo ran >>${runs}`];
        const child = spawn('/bin/sh', words, { stdio: 'ignore' });
        return new Promise<number | null>((resolve) => child.once('exit', resolve));
      }),
    );
    expect(codes.sort()).toEqual([0, 75, 75, 75, 75, 75, 75, 75]);
    expect(readFileSync(runs, 'utf8')).toBe('ran\n');
  });

  test('a trainer that cannot be recorded is not run', async () => {
    const dir = ground.attempt();
    const marker = ground.path('ran');
    // In the place of a full disk, which would need one of its own.
    writeFileSync(join(dir, 'trainer.is-a-folder'), '');
    const script = `mkdir "${dir}/trainer"; . ${SHEPHERD}`;
    const child = spawn('/bin/sh', ['-c', script, SHEPHERD, dir, 'touch', marker], {
      stdio: 'ignore',
    });
    expect(await new Promise((resolve) => child.once('exit', resolve))).not.toBe(0);
    expect(existsSync(marker)).toBe(false);
  });
});

describe('a returning daemon finds', () => {
  test('an attempt that nobody ever claimed: it never ran, and never will', async () => {
    const dir = ground.attempt();
    expect(await settle(dir, null)).toEqual({ is: 'never_ran' });
    await expect(ground.launch(['true'], { dir })).rejects.toThrow('ended (75)');
    expect(await settle(dir, null)).toEqual({ is: 'never_ran' });
  });

  test('a folder that was never made: it never ran', async () => {
    expect(await settle(ground.path('attempts/7'), bootId())).toEqual({ is: 'never_ran' });
  });

  test('a claim of a shepherd that was killed before it recorded a trainer: ended', async () => {
    const dir = ground.attempt();
    const child = ground.spawn('sleep', ['3600']);
    const line = await until(() => readStat(child.pid!) && statLine(child.pid!), 'the shepherd');
    writeFileSync(join(dir, 'claim'), `${line}\n`);
    child.kill('SIGKILL');
    const shepherd = refOf(parseStat(line)!);
    await untilGone(shepherd);
    const found = await settle(dir, bootId());
    expect(found).toEqual({ is: 'ended', exit: null, rebooted: false, shepherd });
  });

  test('a claim that has no line yet: waits for it instead of giving the trainer up', async () => {
    const dir = ground.attempt();
    writeFileSync(join(dir, 'claim'), '');
    const settled = settle(dir, null);
    const launched = await ground.launch(['/bin/sh', program('idle.sh')]);
    // Half a line, then the whole: what a slow shepherd's writes look like.
    const claim = `${statLine(launched.shepherd.pid)}\n`;
    writeFileSync(join(dir, 'claim'), claim.slice(0, 20));
    writeFileSync(join(dir, 'claim'), claim);
    writeFileSync(join(dir, 'trainer'), `${statLine(launched.trainer.pid)}\n`);
    const { shepherd, trainer } = launched;
    expect(await settled).toEqual({ is: 'alive', shepherd, trainer });
  });

  test('a trainer that ended while nobody watched', async () => {
    const dir = ground.attempt();
    const { shepherd } = await ground.launch(['/bin/sh', program('end.sh'), 'signal', 'BUS'], {
      dir,
    });
    await untilGone(shepherd);
    const exit = { code: null, signal: 'SIGBUS' };
    expect(await settle(dir, bootId())).toEqual({ is: 'ended', exit, rebooted: false, shepherd });
  });

  test('a living trainer without a line end in its record: absent, until the line is whole', () => {
    const dir = ground.attempt();
    const line = statLine('self');
    writeFileSync(join(dir, 'trainer'), line);
    expect(readRef(dir, 'trainer')).toBeNull();
    writeFileSync(join(dir, 'trainer'), `${line}\n`);
    expect(readRef(dir, 'trainer')?.pid).toBe(process.pid);
  });

  test('a pid that is another process now: ended, and the other is not taken for it', async () => {
    const dir = ground.attempt();
    const child = ground.spawn('sleep', ['3600']);
    const line = await until(() => readStat(child.pid!) && statLine(child.pid!), 'the process');
    for (const file of ['claim', 'trainer'])
      writeFileSync(join(dir, file), `${asReused(line, -100)}\n`);
    expect(await settle(dir, bootId())).toMatchObject({ is: 'ended', exit: null, rebooted: false });
    expect(child.exitCode).toBeNull();
  });

  test('another boot: nothing of it can be alive, whatever the pids say', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['/bin/sh', program('idle.sh')], { dir });
    const found = await settle(dir, 'b0071d00-0000-4000-8000-000000000000');
    expect(found).toEqual({ is: 'ended', exit: null, rebooted: true, shepherd: null });
    expect(isAlive(launched.trainer)).toBe(true);
    expect(isAlive({ ...launched.trainer, boot_id: 'another' })).toBe(false);
  });
});

test('a stat line is read from behind the last parenthesis, and only whole', () => {
  const line = `12 (a) b (c) S 1 2 3 ${Array.from({ length: 46 }, (_, i) => i + 7).join(' ')}`;
  expect(parseStat(line)).toEqual({
    pid: 12,
    letter: 'S',
    ppid: 1,
    pgrp: 2,
    session: 3,
    cpu_ticks: 14 + 15 + 16 + 17,
    start_ticks: 22,
  });
  for (const torn of ['', '12', '12 (a', '12 (a) S 1 2 3 7 8 9', 'x (a) S'])
    expect(parseStat(torn)).toBeNull();
});
