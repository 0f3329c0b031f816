import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { exitOfStatus, readExit } from '../../trainer/process/attempt-dir.js';
import {
  isAlive,
  LaunchFailed,
  readRef,
  settle,
  stateLetter,
  untilExit,
  wake,
} from '../../trainer/process/index.js';
import {
  Ground,
  program,
  targetOf,
  teller,
  textOf,
  until,
  untilGone,
  untilSays,
} from './attempt.js';

let ground: Ground;
/** Not before the end of the test: a watch that never resolves must not outlive it. */
let never: AbortSignal;
let over: AbortController;
beforeEach(() => {
  ground = new Ground();
  over = new AbortController();
  never = over.signal;
});
afterEach(async () => {
  over.abort();
  await ground.clear();
});

/** An interval (ms) that no test lives to see: what arrives all the same came by an event. */
const UNPOLLED = 2 ** 30;

const ENDS: [string, object][] = [
  ['code 0', { code: 0, signal: null }],
  ['code 3', { code: 3, signal: null }],
  ['code 255', { code: 255, signal: null }],
  ['signal KILL', { code: null, signal: 'SIGKILL' }],
  ['signal SEGV', { code: null, signal: 'SIGSEGV' }],
  ['signal ABRT', { code: null, signal: 'SIGABRT' }],
];

describe('the exit status', () => {
  test.each(ENDS)('%s arrives at once from a shepherd that is our child', async (how, exit) => {
    const { argv, ready, tell } = teller(ground);
    const dir = ground.attempt();
    const launched = await ground.launch(argv, { dir });
    await ready();
    const ended = untilExit({ dir, ...launched }, never, UNPOLLED);
    tell(how);
    expect(await ended).toEqual(exit);
  });

  test.each(ENDS)(
    '%s arrives at once when the parent of the shepherd is dead',
    async (how, exit) => {
      const { argv, ready, tell } = teller(ground);
      const dir = ground.attempt();
      const { parent, shepherd, trainer } = await ground.launchElsewhere(dir, argv);
      await ready();
      const parentEnded = new Promise((resolve) => parent.once('exit', resolve));
      parent.kill('SIGKILL');
      await parentEnded;
      expect(await settle(dir, null)).toEqual({ is: 'alive', shepherd, trainer });
      const ended = untilExit({ dir, shepherd, trainer, child: null }, never, UNPOLLED);
      tell(how);
      expect(await ended).toEqual(exit);
      expect(await settle(dir, null)).toEqual({ is: 'ended', exit, rebooted: false, shepherd });
    },
  );

  test('of a trainer that ended before anyone could watch', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['/bin/sh', program('end.sh'), 'code', '4'], { dir });
    await untilGone(launched.shepherd);
    expect(await untilExit({ dir, ...launched }, never)).toEqual({ code: 4, signal: null });
  });

  test('127 for a command that does not exist, with the words of the shell in the log', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['no-such-trainer', '--steps', '5'], { dir });
    expect(await untilExit({ dir, ...launched }, never)).toEqual({ code: 127, signal: null });
    expect(textOf(`${dir}.log`)).toContain('no-such-trainer');
  });

  test('a watch that was given up resolves with null and leaves the trainer alone', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['/bin/sh', program('idle.sh')], { dir });
    expect(await untilExit({ dir, ...launched }, AbortSignal.abort())).toBeNull();
    const abort = new AbortController();
    const watch = untilExit({ dir, ...launched }, abort.signal);
    abort.abort();
    expect(await watch).toBeNull();
    expect(isAlive(launched.trainer)).toBe(true);
  });

  test('numbers with two names go by the usual one; 255 is no signal', () => {
    expect(exitOfStatus(134)).toEqual({ code: null, signal: 'SIGABRT' });
    expect(exitOfStatus(157)).toEqual({ code: null, signal: 'SIGIO' });
    expect(exitOfStatus(255)).toEqual({ code: 255, signal: null });
    expect(exitOfStatus(128)).toEqual({ code: 128, signal: null });
  });

  test.each(['', '137', '\n', '\0\0\0\0', 'x\n', '-1\n'])('%j is no status', (text) => {
    const dir = ground.attempt();
    writeFileSync(`${dir}/exit`, text);
    expect(readExit(dir)).toBeNull();
  });
});

describe('a shepherd that is killed', () => {
  test('leaves a living trainer, which is found, and whose end is told as unknown', async () => {
    const dir = ground.attempt();
    const { argv, ready, tell } = teller(ground);
    const launched = await ground.launch(argv, { dir });
    await ready();
    const ended = untilExit({ dir, ...launched }, never);
    process.kill(launched.shepherd.pid, 'SIGKILL');
    await untilGone(launched.shepherd);
    expect(isAlive(launched.trainer)).toBe(true);
    const { shepherd, trainer } = launched;
    expect(await settle(dir, null)).toEqual({ is: 'alive', shepherd, trainer });
    tell('code 3');
    expect(await ended).toBeNull();
    expect(await settle(dir, null)).toEqual({ is: 'ended', exit: null, rebooted: false, shepherd });
  });

  test('one that was stopped with its trainer still tells how the trainer ended', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['/bin/sh', program('idle.sh')], { dir });
    process.kill(-launched.shepherd.pid, 'SIGSTOP');
    await until(() => stateLetter(launched.shepherd) === 'T', 'the shepherd to stop');
    const ended = untilExit({ dir, ...launched }, never);
    process.kill(launched.trainer.pid, 'SIGKILL');
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('waking wakes the shepherd too', async () => {
    const launched = await ground.launch(['/bin/sh', program('idle.sh')]);
    process.kill(-launched.shepherd.pid, 'SIGSTOP');
    await until(() => stateLetter(launched.shepherd) === 'T', 'the shepherd to stop');
    wake(targetOf(ground, launched));
    await until(() => stateLetter(launched.shepherd) !== 'T', 'the shepherd to go on');
    await until(() => stateLetter(launched.trainer) !== 'T', 'the trainer to go on');
  });
});

describe('signals', () => {
  test('a trainer ignores and blocks none, and hears SIGINT', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['python3', program('signals.py')], { dir });
    await untilSays(`${dir}.log`, 'ready');
    const text = textOf(`${dir}.log`);
    // Python itself ignores SIGPIPE (13) and SIGXFSZ (25); the rest would be inherited.
    const own = (1n << 12n) | (1n << 24n);
    const ignored = BigInt(`0x${/SigIgn:\s+(\w+)/.exec(text)?.[1]}`);
    expect(ignored & ~own).toBe(0n);
    expect(/SigBlk:\s+(\w+)/.exec(text)?.[1]).toMatch(/^0+$/);
    process.kill(launched.trainer.pid, 'SIGINT');
    expect(await untilExit({ dir, ...launched }, never)).toEqual({ code: 7, signal: null });
  });

  test('nothing at all is ignored by a program that does not do so itself', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['cat', '/proc/self/status'], { dir });
    await untilExit({ dir, ...launched }, never);
    expect(textOf(`${dir}.log`)).toMatch(/SigBlk:\s0+\nSigIgn:\s0+\nSigCgt:\s0+\n/);
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1'] as const)(
    '%s to the whole group ends the trainer and leaves its shepherd to tell how',
    async (name) => {
      const dir = ground.attempt();
      const { argv, ready } = teller(ground);
      const launched = await ground.launch(argv, { dir });
      await ready();
      const ended = untilExit({ dir, ...launched }, never);
      process.kill(-launched.shepherd.pid, name);
      expect(await ended).toEqual({ code: null, signal: name });
      expect(readFileSync(`${dir}/exit`, 'utf8')).toMatch(/^1\d\d\n$/);
    },
  );
});

describe('launch', () => {
  test('gives the trainer its folder, its environment and its words as they are', async () => {
    const dir = ground.attempt();
    const words = ['a b', '', "it's", '$HOME', '*', '-n', 'ä'];
    const script =
      'pwd; echo "$NIGHTWARDEN_HEARTBEAT_DIR $NIGHTWARDEN_ATTEMPT"; printf "<%s>" "$@"';
    const argv = ['/bin/sh', '-c', script, 'sh', ...words];
    const launched = await ground.launch(argv, { dir });
    expect(await untilExit({ dir, ...launched }, never)).toEqual({ code: 0, signal: null });
    const told = words.map((word) => `<${word}>`).join('');
    expect(textOf(`${dir}.log`)).toBe(`${ground.dir}\n${dir}/heartbeat 1\n${told}`);
    expect(JSON.parse(textOf(`${dir}/attempt.json`))).toMatchObject({ argv, cwd: ground.dir });
    expect(readdirSync(dir).sort()).toEqual(
      ['attempt.json', 'claim', 'exit', 'heartbeat', 'trainer'].sort(),
    );
  });

  test('refuses a folder that was used before, and touches nothing of it', async () => {
    const dir = ground.attempt();
    const first = await ground.launch(['/bin/sh', program('idle.sh')], { dir });
    const marker = ground.path('second');
    const second = ground.launch(['touch', marker], { dir });
    await expect(second).rejects.toThrow('the attempt was claimed before');
    expect(isAlive(first.trainer)).toBe(true);
    expect(readRef(dir, 'trainer')).toEqual(first.trainer);
    expect(textOf(marker)).toBe('');
  });

  const failure = async (work: Promise<unknown>): Promise<LaunchFailed> => {
    const error = await work.then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(LaunchFailed);
    return error as LaunchFailed;
  };

  test('says that the working folder is missing, not the shell; it may come back', async () => {
    const error = await failure(ground.launch(['true'], { cwd: ground.path('gone') }));
    expect(error.message).toContain(ground.path('gone'));
    expect(error.message).not.toContain('/bin/sh');
    expect(error.permanent).toBe(false);
  });

  test('a working folder that is a file, an empty command and too long a one are permanent', async () => {
    writeFileSync(ground.path('file'), '');
    chmodSync(ground.path('file'), 0o644);
    const long = Array.from({ length: 40 }, () => 'x'.repeat(100_000));
    for (const [argv, cwd] of [
      [['true'], ground.path('file')],
      [[], ground.dir],
      [['true', ...long], ground.dir],
    ] as const) {
      expect(await failure(ground.launch(argv, { cwd }))).toMatchObject({ permanent: true });
    }
  });
});
