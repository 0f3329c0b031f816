import { spawnSync } from 'node:child_process';
import { stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { folders } from './helpers/folder.js';
import { Program, translated } from './helpers/program.js';

const folder = folders();
const programs: Program[] = [];
let room: Awaited<ReturnType<typeof translated>>;
beforeAll(async () => {
  room = await translated();
});
afterAll(() => room.remove());
afterEach(async () => {
  for (const program of programs.splice(0)) await program.kill();
});

async function locker(dir: string, wrapper: string[] = [], host: string[] = []): Promise<Program> {
  const program = new Program('locker.mjs', [room.door, dir, ...host], wrapper);
  programs.push(program);
  await program.line((line) => line === 'ready');
  return program;
}

const isAnswer = (line: string) => /^(won|held) /.test(line);
async function take(program: Program): Promise<string> {
  const heard = program.lines.length;
  program.say('take');
  return program.line((line) => isAnswer(line) && program.lines.lastIndexOf(line) >= heard);
}

test('two processes race for one folder twenty times: exactly one wins', async () => {
  const dir = await folder();
  const [a, b] = [await locker(dir), await locker(dir)];
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all([take(a), take(b)]);
    expect(answers.filter((answer) => answer === 'won socket')).toHaveLength(1);
    expect(answers.filter((answer) => /^held (\d+|unknown) true$/.test(answer))).toHaveLength(1);
    const winner = answers[0] === 'won socket' ? a : b;
    const heard = winner.lines.length;
    winner.say('leave');
    await winner.line((line) => line === 'left' && winner.lines.lastIndexOf(line) >= heard);
  }
});

test('after kill -9 the next gets it at once, though a child of the dead one lives on', async () => {
  const dir = await folder();
  for (let round = 0; round < 5; round += 1) {
    const [first, next] = [await locker(dir), await locker(dir)];
    expect(await take(first)).toBe('won socket');
    first.say('child');
    const child = Number((await first.line((line) => line.startsWith('child '))).slice(6));
    try {
      expect(await take(next)).toBe(`held ${first.child.pid} true`);
      await first.kill();
      expect(await take(next)).toBe('won socket');
    } finally {
      process.kill(child, 'SIGKILL');
    }
    await next.kill();
  }
});

test('a stopped holder keeps it', async () => {
  const dir = await folder();
  const [first, next] = [await locker(dir), await locker(dir)];
  await take(first);
  first.child.kill('SIGSTOP');
  const { mtimeMs } = await stat(join(dir, 'daemon.lock'));
  await utimes(join(dir, 'daemon.lock'), mtimeMs / 1000 - 3600, mtimeMs / 1000 - 3600);
  expect(await take(next)).toBe(`held ${first.child.pid} true`);
});

const mayUnshare = spawnSync('unshare', ['-n', 'true']).status === 0;
const whereUnshareable = mayUnshare ? test : test.skip;

whereUnshareable(
  'beyond the network namespace the file speaks, and a killed holder is free at once',
  async () => {
    const dir = await folder();
    const inside = await locker(dir, ['unshare', '-n']);
    const outside = await locker(dir);
    expect(await take(inside)).toBe('won socket');
    expect(await take(outside)).toBe(`held ${inside.child.pid} true`);
    await inside.kill();
    expect(await take(outside)).toBe('won socket');
  },
);

whereUnshareable('two machines on one volume race twenty times: never both', async () => {
  const dir = await folder();
  const a = await locker(dir, ['unshare', '-n'], ['pod-a']);
  const b = await locker(dir, ['unshare', '-n'], ['pod-b']);
  for (let round = 0; round < 20; round += 1) {
    const answers = await Promise.all([take(a), take(b)]);
    expect(answers.filter((answer) => answer === 'won socket')).toHaveLength(1);
    expect(answers.filter((answer) => /^held \d+ false$/.test(answer))).toHaveLength(1);
    const winner = answers[0] === 'won socket' ? a : b;
    const heard = winner.lines.length;
    winner.say('leave');
    await winner.line((line) => line === 'left' && winner.lines.lastIndexOf(line) >= heard);
  }
});
