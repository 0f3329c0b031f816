import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { abandon, isAbandoned, readExit } from '../../trainer/process/attempt-dir.js';
import { launch, members, readRef, type Standby } from '../../trainer/process/index.js';
import { orderLine } from '../../trainer/process/order.js';
import { isAlive, readStat, refOf, snapshot } from '../../trainer/process/proc.js';
import { startStandby } from '../../trainer/process/standby.js';
import { Ground, program, SHEPHERD, untilGone } from './attempt.js';

let ground: Ground;
let standbys: Standby[];
beforeEach(() => {
  ground = new Ground();
  standbys = [];
});
afterEach(async () => {
  for (const standby of standbys) standby.end();
  await ground.clear();
});

const ahead = (env: NodeJS.ProcessEnv = process.env): Standby => {
  const standby = startStandby({ lineage: ground.lineage, env, label: ground.dir });
  standbys.push(standby);
  return standby;
};

/** What a process that is started one way or the other finds around itself. */
const REPORT = `
printf '%s\\0' "$@"; echo; pwd; cat; cat /proc/self/environ | tr '\\0' '\\n' | sort
grep -E '^Sig(Ign|Blk)' /proc/self/status; ls -l /proc/self/fd | sed 's/.*-> //'
`;

/** How an attempt ended, its output, and what it ran as. */
async function run(standby: Standby | null, argv: readonly string[], env = process.env) {
  const dir = ground.attempt();
  const how = { dir, attempt: 7, argv, cwd: ground.dir, env, lineage: ground.lineage };
  const { shepherd, trainer } = await launch(
    { ...how, log: `${dir}.log`, facts: {} },
    () => {},
    standby,
  );
  await untilGone(shepherd);
  return {
    exit: readExit(dir),
    output: readFileSync(`${dir}.log`, 'utf8'),
    shepherd,
    trainer,
    dir,
  };
}

describe('a shepherd started ahead', () => {
  test('gives its trainer the same surroundings as one started for it', async () => {
    const env = { ...process.env, KEPT: 'as it is', CHANGED: 'new\nline', ADDED: `it's "$x"` };
    const before = { ...process.env, KEPT: 'as it is', CHANGED: 'old', REMOVED: 'gone' };
    const standby = ahead(before);
    const words = [
      '/bin/sh',
      '-c',
      REPORT,
      'sh',
      '',
      'a b',
      "'",
      '$(false)`',
      'two\nlines',
      '\\n*',
    ];
    const usual = await run(null, words, env);
    const quick = await run(standby, words, env);
    const plain = ({ output, dir }: typeof quick) =>
      output
        .replaceAll(dir, 'DIR')
        .replace(/^(_|OLDPWD|PWD)=.*\n/gm, '')
        .replace(/\/proc\/\d+|pipe:\[\d+\]/g, '');
    expect(plain(quick)).toBe(plain(usual));
    expect(quick.output).toContain('ADDED=');
    expect(quick.output).not.toContain('REMOVED');
    expect(quick.exit).toEqual({ code: 0, signal: null });
    // It was the one that waited: it is older than its attempt's folder.
    expect(readRef(quick.dir, 'claim')).toEqual(quick.shepherd);
  });

  test('passes on every word as it is', async () => {
    const word = fc.string({ unit: 'binary', maxLength: 20 }).map((s) => s.replaceAll('\0', ''));
    await fc.assert(
      fc.asyncProperty(fc.array(word, { maxLength: 5 }), async (words) => {
        const { output } = await run(ahead(), ['printf', '%s\\0', ...words, 'end']);
        expect(output.split('\0').slice(0, -1)).toEqual(
          [...words, 'end'].map((w) => Buffer.from(w).toString()),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('tells how its trainer ended as any shepherd does', async () => {
    const { exit } = await run(ahead(), ['/bin/sh', program('end.sh'), 'signal', 'BUS']);
    expect(exit).toEqual({ code: null, signal: 'SIGBUS' });
  });

  test('is no member of its job while it waits, and its trainer is one', async () => {
    const standby = ahead();
    expect(members(ground.lineage, null, 0)).toEqual([]);
    const dir = ground.attempt();
    const how = { dir, attempt: 1, argv: ['/bin/sh', program('idle.sh')], cwd: ground.dir };
    const { child, shepherd, trainer } = await launch(
      { ...how, env: process.env, lineage: ground.lineage, log: `${dir}.log`, facts: {} },
      () => {},
      standby,
    );
    expect(shepherd.pid).toBe(child.pid);
    expect(members(ground.lineage, shepherd, 0).map(({ ref }) => ref)).toContainEqual(trainer);
    expect(members(ground.lineage, null, 0).map(({ ref }) => ref)).toContainEqual(shepherd);
  });

  test('killed while it waits: the attempt gets a shepherd of its own', async () => {
    const standby = ahead();
    const { exit } = await run(await killed(standby), ['true']);
    expect(exit).toEqual({ code: 0, signal: null });
  });

  test('is used once', async () => {
    const standby = ahead();
    const first = await run(standby, ['true']);
    const second = await run(standby, ['true']);
    expect([first.exit, second.exit]).toEqual(Array(2).fill({ code: 0, signal: null }));
    expect(second.shepherd).not.toEqual(first.shepherd);
  });

  test('leaves an order that it cannot be told to another', async () => {
    const standby = ahead();
    const long = 'x'.repeat(20_000);
    expect((await run(standby, ['printf', '%s', long])).output).toBe(long);
    expect(orderLine(order({ 'no.name': '1' }), {})).toBeNull();
    expect(orderLine(order({ 'no.name': '1' }), { 'no.name': '1' })).not.toBeNull();
  });

  test('ends with its daemon, and runs nothing of half an order', async () => {
    const ran = ground.path('ran');
    const line = orderLine({ ...order({}), argv: ['touch', ran] }, {});
    for (const told of ['', line!.slice(0, -1)]) {
      const child = spawn('/bin/sh', [SHEPHERD, '-', 'a test'], {
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      const shepherd = refOf(readStat(child.pid!)!);
      child.stdin.write(told);
      expect(isAlive(shepherd)).toBe(true);
      child.stdin.destroy();
      await untilGone(shepherd);
      expect(child.exitCode ?? 0).toBe(0);
    }
    expect(existsSync(ran)).toBe(false);
    expect(existsSync(join(order({}).dir, 'claim'))).toBe(false);
  });

  test('fifty races between one and a daemon that gives its attempt up: one wins', async () => {
    const wins = { shepherd: 0, daemon: 0 };
    for (let race = 0; race < 50; race += 1) {
      const dir = ground.attempt();
      const ran = ground.path(`ran-${race}`);
      const child = ahead().take({ ...order({}), dir, argv: ['touch', ran], env: process.env })!;
      const code = new Promise<number | null>((resolve) => child.once('exit', resolve));
      const until = performance.now() + (race % 10) * 0.3;
      while (performance.now() < until);
      const abandoned = abandon(dir);
      expect(await code).toBe(abandoned ? 75 : 0);
      expect(existsSync(ran)).toBe(!abandoned);
      expect(isAbandoned(dir)).toBe(abandoned);
      wins[abandoned ? 'daemon' : 'shepherd'] += 1;
    }
    expect(wins.shepherd + wins.daemon).toBe(50);
    expect(wins.daemon).toBeGreaterThan(0);
  });

  test('whose folder is gone starts nothing', async () => {
    const child = ahead().take({ ...order({}), cwd: ground.path('nowhere'), env: process.env })!;
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(75);
    expect(existsSync(join(order({}).dir, 'claim'))).toBe(false);
  });
});

const order = (env: NodeJS.ProcessEnv) => ({
  dir: ground.path('attempt-0'),
  cwd: ground.dir,
  log: ground.path('attempt-0.log'),
  argv: ['true'],
  env,
});

/** Ends the process that waits, from outside. */
async function killed(standby: Standby): Promise<Standby> {
  const stat = snapshot().living.find(({ ppid }) => ppid === process.pid);
  const ref = refOf(stat!);
  expect(readFileSync(`/proc/${ref.pid}/cmdline`, 'latin1')).toContain(SHEPHERD);
  process.kill(ref.pid, 'SIGKILL');
  await untilGone(ref);
  return standby;
}
