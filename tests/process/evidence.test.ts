import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { collectEvidence, kill } from '../../trainer/process/index.js';
import { folder, Ground, program, targetOf, untilGone, untilSays } from './attempt.js';

let ground: Ground;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  ground = new Ground();
  env = { ...process.env, PATH: `${ground.path('bin')}:${process.env['PATH']}` };
});
afterEach(() => ground.clear());

/** Puts a program of this name before all others. */
function fake(name: string, script: string): void {
  const bin = folder(ground.path('bin'));
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

async function hung() {
  const dir = ground.attempt();
  const launched = await ground.launch(['/bin/sh', program('idle.sh')], { dir });
  await untilSays(`${dir}.log`, 'ready');
  return { dir, launched, target: targetOf(ground, launched) };
}

function request(dir: string, limit_seconds: number) {
  return {
    dir: join(dir, 'evidence'),
    log: `${dir}.log`,
    heartbeats: join(dir, 'heartbeat'),
    why: 'no step for 300 s',
    limit_seconds,
    env,
  };
}

test('holds threads, open files, the last lines and the last heartbeats', async () => {
  const { dir, launched, target } = await hung();
  fake('nvidia-smi', 'echo "GPU is fine"');
  fake('dmesg', 'echo "x"; echo "NVRM: Xid (PCI:0000:01:00): 79, GPU has fallen off the bus."');
  fake('py-spy', 'echo "py-spy $*"');
  const lines = Array.from({ length: 500 }, (_, i) => `line ${i}`).join('\n');
  writeFileSync(`${dir}.log`, `${lines}\n`);
  writeFileSync(join(dir, 'heartbeat', 'rank-0.json'), '{"v":1,"step":7}');
  writeFileSync(join(dir, 'heartbeat', 'rank-1.json'), '{"v":1,"st');
  const saved = await collectEvidence({ ...target, ...request(dir, 20) });
  expect(saved.path).toBe(join(dir, 'evidence'));
  expect(readdirSync(saved.path)).toHaveLength(saved.files);
  const file = (name: string) => readFileSync(join(saved.path, name), 'utf8');
  const { pid } = launched.trainer;
  const processes = file('processes.txt');
  expect(processes).toMatch(new RegExp(`^===== ${pid}$`, 'm'));
  expect(processes).toMatch(new RegExp(`--- thread ${pid}\ncomm: sh\nwchan: \\w+`));
  expect(processes).toMatch(/^syscall: \d+ /m);
  expect(processes).toMatch(/ 1 -> .*attempt-1\.log/);
  expect(processes).toMatch(/--- command\n\/bin\/sh .*idle\.sh/);
  expect(processes).toContain('sleep 3600');
  expect(processes).not.toContain(`===== ${launched.shepherd.pid}\n`);
  expect(file('log-tail.txt')).toBe(`${lines.split('\n').slice(300).join('\n')}\n`);
  expect(JSON.parse(file('heartbeats.json'))).toEqual({
    'rank-0.json': { v: 1, step: 7 },
    'rank-1.json': '{"v":1,"st',
  });
  expect(file('why.txt')).toBe('no step for 300 s\n');
  expect(file('nvidia-smi.txt')).toBe('GPU is fine\n');
  expect(file('kernel.txt')).toMatch(/^NVRM: Xid.*\n$/);
  expect(file('python-stacks.txt')).toContain(`py-spy dump --nonblocking --pid ${pid}`);
  expect(file('machine.txt')).toContain('MemAvailable');
  expect(file('disk.txt')).toContain('Filesystem');
});

test('ends in time when a source never answers, with what that one had said', async () => {
  const { dir, target } = await hung();
  fake('nvidia-smi', 'echo "GPU 0"; echo $$ >>"$0.pids"; sleep 3600');
  fake('df', 'trap "" TERM; while :; do sleep 3600; done');
  const saved = await collectEvidence({ ...target, ...request(dir, 1) });
  const file = (name: string) => readFileSync(join(saved.path, name), 'utf8');
  expect(file('nvidia-smi.txt')).toMatch(/^GPU 0\n\n\(cut short/);
  expect(file('disk.txt')).toMatch(/^\(not to be had: df: it did not answer in time\)\n$/);
  expect(file('log-tail.txt')).toBe('ready\n');
  expect(readdirSync(saved.path)).toHaveLength(saved.files);
});

test('says so where a source is not to be had, and keeps the others', async () => {
  const { dir, target, launched } = await hung();
  await kill(target, { grace_seconds: 5, verify_seconds: 5 });
  await untilGone(launched.trainer);
  fake('nvidia-smi', 'echo "Unable to determine the device handle" >&2; exit 9');
  const gone = {
    ...request(dir, 20),
    log: ground.path('none.log'),
    heartbeats: ground.path('none'),
  };
  const saved = await collectEvidence({ ...target, ...gone });
  const file = (name: string) => readFileSync(join(saved.path, name), 'utf8');
  expect(file('processes.txt')).toBe('(no process of the attempt is left)\n');
  expect(file('log-tail.txt')).toMatch(/^\(not to be had: ENOENT/);
  expect(file('heartbeats.json')).toMatch(/^\(not to be had: ENOENT/);
  expect(file('nvidia-smi.txt')).toContain('Unable to determine the device handle');
  expect(file('why.txt')).toBe('no step for 300 s\n');
});

test('does not reject where nothing can be written', async () => {
  const { dir, target } = await hung();
  writeFileSync(join(dir, 'evidence'), 'a file in its place');
  expect(await collectEvidence({ ...target, ...request(dir, 20) })).toMatchObject({ files: 0 });
  const half = folder(ground.path('half'));
  mkdirSync(join(half, 'why.txt'));
  const saved = await collectEvidence({ ...target, ...request(dir, 20), dir: half });
  expect(saved.files).toBe(9);
});
