import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pythons, withPython } from './interpreters.js';
import { Place } from './program.js';

let place: Place;
beforeEach(() => {
  place = new Place();
});
afterEach(() => place.clear());

/** The shim as it is once torch was imported, steps made by hand, and lines to be told. */
const SHIM = `
import os, sys, threading, time
from nightwarden_shim.attach import Attachment
shim = Attachment(os.environ["NIGHTWARDEN_HEARTBEAT_DIR"], int(os.environ["NIGHTWARDEN_ATTEMPT"]))
progress = shim.progress
class Optimizer:
    def step(self, n=1):
        for _ in range(n): progress.optimizer_step(self)
class Scheduler:
    def __init__(self, optimizer): self.optimizer = optimizer
def say(*words): print(*words, flush=True)
def told(): return sys.stdin.readline().strip()
`;

const suite = withPython() ? describe.each(pythons) : describe.skip.each(['no Python']);

suite('%s: steps', (python) => {
  const start = (code: string, env = place.env()) => place.start(python, SHIM + code, env);

  test('are told within a moment, the last one too, though nothing follows it', async () => {
    const program = start(`
a = Optimizer()
a.step(1000)
say("stepped"); told()
a.step()
say("stepped again"); told()`);
    await program.says('stepped');
    expect(await place.beat(({ step }) => step === 1000)).toMatchObject({
      attempt: 3,
      pid: program.pid,
      rank: 0,
      loss: null,
      phases: [],
    });
    program.tell('go on');
    await place.beat(({ step }) => step === 1001);
    expect(await program.end()).toBe(0);
    expect(program.errors).toBe('');
  });

  test('are told though the program ends right after them', async () => {
    const program = start('Optimizer().step(7)');
    expect(await program.end()).toBe(0);
    expect(await place.beat(() => true)).toMatchObject({ step: 7, phases: [] });
  });

  test('count over the whole job', async () => {
    const program = start('Optimizer().step(7)', place.env({ NIGHTWARDEN_START_STEP: '500' }));
    await program.end();
    expect(await place.beat(() => true)).toMatchObject({ step: 507 });
  });

  const LOOPS: [string, string, number][] = [
    ['one optimizer', 'a = Optimizer(); a.step(12)', 12],
    ['two in turn', 'a, b = Optimizer(), Optimizer()\nfor _ in range(12): a.step(); b.step()', 12],
    [
      'two, one of them now and then',
      'a, b = Optimizer(), Optimizer()\nfor i in range(12):\n  a.step()\n  if i % 3 == 0: b.step()',
      12,
    ],
    [
      'one inside a wrapper that torch hooks too',
      'a, wrapper = Optimizer(), Optimizer()\nfor _ in range(12): a.step(); wrapper.step()',
      12,
    ],
    [
      'a hundred, one for each parameter',
      'all = [Optimizer() for _ in range(100)]\nfor _ in range(12):\n  for a in all: a.step()',
      12,
    ],
    [
      "a step of the trainer's own, and a scheduler",
      'a = Optimizer(); s = Scheduler(a)\nfor _ in range(12): progress.scheduler_step(s)',
      12,
    ],
    [
      'the same with two schedulers',
      'a = Optimizer(); r, s = Scheduler(a), Scheduler(a)\nfor _ in range(12): progress.scheduler_step(r); progress.scheduler_step(s)',
      12,
    ],
    [
      'a hooked step, and a scheduler before it',
      'a = Optimizer(); s = Scheduler(a)\nfor _ in range(12): progress.scheduler_step(s); a.step()',
      12,
    ],
    [
      'a scheduler that is wound forward',
      'a = Optimizer(); Optimizer.step.hooked = True; s = Scheduler(a)\nfor _ in range(500): progress.scheduler_step(s)\na.step(12)',
      12,
    ],
  ];
  test.each(LOOPS)('are counted once each: %s', async (_, code, steps) => {
    const program = start(code);
    expect(await program.end()).toBe(0);
    expect(await place.beat(() => true)).toMatchObject({ step: steps });
    expect(place.read('rank-0.json')).not.toContain('problem');
  });

  test('come with the loss where it is at hand, and with its loss', async () => {
    const program = start(`
a = Optimizer()
progress.values({"lr": 1.0, "avr_loss": 0.25})
a.step(); say("one"); told()
progress.values({"loss": "nan"})
say("two"); told()
class OnGpu:
    device = "cuda:0"
    def __float__(self): raise RuntimeError("waited for the GPU")
OnGpu.__name__ = "Tensor"
OnGpu.device = type("device", (), {"type": "cuda"})
progress.values({"loss": OnGpu(), "avr_loss": 3.0})
progress.values({"loss": 2})
say(progress.problem); told()`);
    await place.beat(({ step, loss }) => step === 1 && loss === 0.25);
    program.tell('');
    await place.beat(({ loss }) => Number.isNaN(loss));
    program.tell('');
    await place.beat(({ loss }) => loss === 2);
    await program.says('None');
    expect(await program.end()).toBe(0);
  });

  test('have the rank and the number of processes of the environment', async () => {
    const program = start('Optimizer().step()', place.env({ RANK: '3', WORLD_SIZE: '8' }));
    await program.end();
    expect(await place.beat(() => true, 3)).toMatchObject({ rank: 3 });
    expect(JSON.parse(place.read('rank-3.json'))).toMatchObject({ world_size: 8 });
  });
});

suite('%s: phases', (python) => {
  const start = (code: string) => place.start(python, SHIM + code);
  const names = (phases: readonly { name: string }[] | null) => phases?.map(({ name }) => name);

  test('are told while the calls last, a save inside a save as one', async () => {
    const program = start(`
load = progress.enter("load"); say("loading"); told()
progress.leave(load)
progress.batch(); told()
Optimizer().step()
save = progress.enter("checkpoint"); inner = progress.enter("checkpoint"); told()
progress.leave(inner); progress.leave(save); told()`);
    const open = async (...wanted: string[]) => {
      const beat = await place.beat(({ phases }) => names(phases)?.join() === wanted.join());
      program.tell('');
      return beat;
    };
    expect((await open('load')).step).toBeNull();
    await open('first_step');
    expect((await open('checkpoint')).step).toBe(1);
    await open();
    expect(await program.end()).toBe(0);
  });

  test('of a background thread, and of a call that is over at once, are none', async () => {
    const program = start(`
a = Optimizer(); a.step()
calls = []
thread = threading.Thread(target=lambda: calls.append(progress.enter("checkpoint")))
thread.start(); thread.join()
for _ in range(1000): progress.leave(progress.enter("sample"))
say(calls); told()
a.step(); told()`);
    await program.says('[None]');
    program.tell('');
    expect(names((await place.beat(({ step }) => step === 2)).phases)).toEqual([]);
    program.tell('');
    expect(await program.end()).toBe(0);
  });

  test('of a process that ends inside one end with it', async () => {
    const program = start('progress.enter("load"); told(); sys.exit(4)');
    await place.beat(({ phases }) => names(phases)?.join() === 'load');
    expect(await program.end()).toBe(4);
    expect(await place.beat(({ phases }) => phases?.length === 0)).toMatchObject({ step: null });
  });
});

suite('%s: whose file it is', (python) => {
  const start = (code: string) => place.start(python, SHIM + code);

  test('a forked child inherits nothing, however it ends', async () => {
    const program = start(`
a = Optimizer(); a.step()
say("parent"); told()
def worker(how):
    child = os.fork()
    if child == 0:
        progress.leave(progress.enter("load"))
        progress.batch()
        if how == "exit": sys.exit(0)
        os._exit(0)
    return os.waitpid(child, 0)[1]
say("ended", worker("exit"), worker("_exit")); told()
a.step(); told()`);
    const { seq } = await place.beat(({ step }) => step === 1);
    program.tell('');
    await program.says('ended 0 0');
    const before = place.files;
    program.tell('');
    const after = await place.beat(({ step }) => step === 2);
    expect(after.pid).toBe(program.pid);
    expect(after.seq).toBeGreaterThan(seq);
    expect(place.files.filter((name) => !before.includes(name))).toEqual([]);
    program.tell('');
    expect(await program.end()).toBe(0);
  });

  test('a child that steps itself has the file of its rank, and its parent goes on loading', async () => {
    const program = start(`
load = progress.enter("load"); told()
child = os.fork()
if child == 0:
    Optimizer().step(5); told(); sys.exit(0)
say("child", child)
os.waitpid(child, 0)
progress.leave(load); progress.enter("cache"); told(); told()`);
    await place.beat(({ pid, phases }) => pid === program.pid && phases?.length === 1);
    program.tell('');
    const child = Number((await program.says('child')).split(' ')[1]);
    expect(await place.beat(({ pid }) => pid === child)).toMatchObject({ step: 5 });
    // The parent looks again at each beat that is due: while the child lives, the file is its.
    program.tell('');
    await place.beat(({ pid, phases }) => pid === program.pid && phases?.[0]?.name === 'cache');
    program.tell('');
    expect(await program.end()).toBe(0);
  });

  test('a trainer that writes beats by itself is heard and not spoken over', async () => {
    const program = start(`
a = Optimizer(); a.step(30); told()
say("spoke"); a.step(); told()`);
    const first = await place.beat(({ step }) => step === 30);
    expect(first.seq).toBeLessThan(0);
    const own = { v: 1, attempt: 3, pid: program.pid, seq: 0, time: 1, step: 530 };
    writeFileSync(join(place.dir, 'rank-0.json'), JSON.stringify(own));
    program.tell('');
    await program.says('spoke');
    expect(await program.end()).toBe(0);
    expect(JSON.parse(place.read('rank-0.json'))).toEqual(own);
  });

  test('a folder that is gone costs the trainer nothing but a line', async () => {
    const program = place.start(
      python,
      `${SHIM}\nOptimizer().step(5); say("trained")`,
      place.env({ NIGHTWARDEN_HEARTBEAT_DIR: join(place.dir, 'gone') }),
    );
    expect(await program.end()).toBe(0);
    expect(program.lines).toEqual(['trained']);
    expect(program.errors).toMatch(/^nightwarden: stacks cannot be asked for yet: FileNotFound/);
    expect(program.errors).toMatch(/^nightwarden: no heartbeats from this process: FileNotFound/m);
    expect(program.errors.trim().split('\n')).toHaveLength(2);
  });
});
