import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { collectEvidence } from '../../trainer/process/index.js';
import { isAlive } from '../../trainer/process/proc.js';
import { Ground, program, targetOf, textOf, until, untilSays } from '../process/attempt.js';
import { fewPythons, withPython } from './interpreters.js';
import { SHIM } from './program.js';

let ground: Ground;
beforeEach(() => {
  ground = new Ground();
});
afterEach(() => ground.clear());

/** As after an import of torch; what takes the shim seconds takes it tenths here. */
const SHIMMED = `
import ctypes, faulthandler, os, sys, threading, time
from nightwarden_shim import teller, watchdog
from nightwarden_shim.attach import Attachment
teller.ALIVE = teller.FEED = 0.2
watchdog.WITHIN = 0.5
shim = Attachment(os.environ["NIGHTWARDEN_HEARTBEAT_DIR"], 1)
def step(): shim.progress.optimizer_step(step)
def keep_the_gil():
    ctypes.PyDLL(None).read(os.pipe()[0], ctypes.create_string_buffer(1), ctypes.c_size_t(1))
`;

async function run(python: string, code: string) {
  const dir = ground.attempt();
  const file = ground.path('trainer.py');
  writeFileSync(file, SHIMMED + code);
  const env = { ...process.env, PYTHONPATH: SHIM, PYTHONUNBUFFERED: '1' };
  const launched = await ground.launch([python, file], { dir, env });
  return { dir, file, target: targetOf(ground, launched), launched, log: `${dir}.log` };
}

type Run = Awaited<ReturnType<typeof run>>;

async function evidence({ dir, target, log }: Run): Promise<string> {
  const saved = await collectEvidence({
    ...target,
    dir: join(dir, 'evidence'),
    log,
    heartbeats: join(dir, 'heartbeat'),
    why: 'no step',
    limit_seconds: 10,
  });
  return readFileSync(join(saved.path, 'shim-stacks.txt'), 'utf8');
}

const line = (text: string): number =>
  (SHIMMED + text).split('\n').findIndex((one) => one.includes('# here')) + 1;

const suite = withPython() ? describe.each(fewPythons) : describe.skip.each(['no Python']);

suite('%s: a trainer that is stuck', (python) => {
  test('in a lock of its main thread: the evidence holds the line, and every thread', async () => {
    const code = `
step()
def wait_for_a_batch():
    lock = threading.Lock(); lock.acquire()
    print("stuck")
    lock.acquire() # here
def helper(): time.sleep(1000)
threading.Thread(target=helper, daemon=True).start()
wait_for_a_batch()`;
    const hung = await run(python, code);
    await untilSays(hung.log, 'stuck');
    await untilSays(join(hung.dir, 'heartbeat/rank-0.json'), '"step": 1');
    const stacks = await evidence(hung);
    expect(stacks).toContain(`===== ${hung.launched.trainer.pid}\nstate S\nGIL: it can be had:`);
    expect(stacks).toContain(`File "${hung.file}", line ${line(code)} in wait_for_a_batch`);
    expect(stacks).toContain(' in helper\n');
    expect(stacks).toContain('teller.py');
    // It was asked, not harmed.
    expect(isAlive(hung.launched.trainer)).toBe(true);
  });

  test('before its first step, where it has beaten nothing yet', async () => {
    const code = `
def load():
    print("stuck")
    threading.Event().wait() # here
load()`;
    const hung = await run(python, code);
    await untilSays(hung.log, 'stuck');
    const stacks = await evidence(hung);
    expect(stacks).toContain('GIL: not known, it has not beaten');
    expect(stacks).toContain(`File "${hung.file}", line ${line(code)} in load`);
  });

  test('in C with the GIL: the stacks are had all the same, and the watchdog has said so', async () => {
    const code = `
step()
time.sleep(0.5)
print("stuck")
keep_the_gil() # here`;
    const hung = await run(python, code);
    await untilSays(hung.log, 'stuck');
    const dumped = join(hung.dir, `heartbeat/gil-${hung.launched.trainer.pid}.txt`);
    await untilSays(dumped, `line ${line(code)} in <module>`);
    const stacks = await evidence(hung);
    expect(stacks).toContain('GIL: it cannot be had');
    const [, left, asked] = /dumped because.*\n([\s\S]*)\n---\n([\s\S]*)/.exec(stacks) ?? [];
    for (const dump of [left, asked])
      expect(dump).toContain(`File "${hung.file}", line ${line(code)} in <module>`);
    expect(isAlive(hung.launched.trainer)).toBe(true);
  });
});

suite('%s: the watchdog', (python) => {
  const dumps = ({ dir, launched }: Run): number =>
    textOf(join(dir, `heartbeat/gil-${launched.trainer.pid}.txt`)).split('Timeout').length - 1;

  test('dumps no more than five times, and counts them', async () => {
    const code = `
step()
watchdog.MOST = 2
libc = ctypes.PyDLL(None)
while True: libc.usleep(900000); time.sleep(0.5)`;
    const slow = await run(python, code);
    await untilSays(join(slow.dir, 'heartbeat/rank-0.json'), '"gil_lost": 2');
    // One more stretch without the GIL, which a watchdog at work would have told of.
    const beats = () =>
      JSON.parse(textOf(join(slow.dir, 'heartbeat/rank-0.json'))) as { time: number };
    const { time } = beats();
    await until(() => beats().time > time + 2, 'beats after the last dump');
    expect(dumps(slow)).toBe(2);
  });

  test('leaves the timer to a trainer that uses it, and takes it up again after', async () => {
    const own = ground.path('own.txt');
    const code = `
step(); time.sleep(0.5)
file = open(${JSON.stringify(own)}, "w")
faulthandler.dump_traceback_later(1.2, file=file)
time.sleep(2)
print("own timer over")
ctypes.PyDLL(None).usleep(900000)
print("no dump of the shim"); 
faulthandler.cancel_dump_traceback_later()
time.sleep(0.5)
keep_the_gil()`;
    const trainer = await run(python, code);
    await untilSays(trainer.log, 'no dump of the shim');
    expect(textOf(own)).toContain('Timeout (0:00:01.2');
    expect(dumps(trainer)).toBe(0);
    await until(() => dumps(trainer) === 1, 'a dump of the shim');
  });
});

suite('%s: the signal is sent', (python) => {
  const announce = (dir: string, pid: number, said: object): void =>
    writeFileSync(join(dir, `heartbeat/shim-${pid}.json`), JSON.stringify({ pid, ...said }));

  test('to nobody who is another process than the one that announced itself', async () => {
    const dir = ground.attempt();
    const launched = await ground.launch(['/bin/sh', program('idle.sh')], { dir });
    await untilSays(`${dir}.log`, 'ready');
    const { pid, start_ticks } = launched.trainer;
    announce(dir, pid, { start_ticks: start_ticks - 1, signal: 41 });
    const idle = { dir, target: targetOf(ground, launched), log: `${dir}.log` } as Run;
    expect(await evidence(idle)).toBe(`===== ${pid}\n(it has ended)\n`);
    // The same process, of which somebody says that it handles a signal; and a signal of its own.
    announce(dir, pid, { start_ticks, signal: 41 });
    expect(await evidence(idle)).toContain('(it does not handle signal 41 any more: not asked)');
    announce(dir, pid, { start_ticks, signal: 15 });
    expect(await evidence(idle)).toContain('(it does not handle signal 15 any more: not asked)');
    expect(isAlive(launched.trainer)).toBe(true);
  });

  test('no more once the trainer has taken it back', async () => {
    const code = `
import signal
faulthandler.unregister(shim.stacks.announced["signal"])
print("ready")
time.sleep(1000)`;
    const trainer = await run(python, code);
    await untilSays(trainer.log, 'ready');
    expect(await evidence(trainer)).toContain('any more: not asked)');
    expect(isAlive(trainer.launched.trainer)).toBe(true);
  });

  test('on a number that nothing else in the process uses', async () => {
    const code = `
import signal
signal.signal(signal.SIGRTMIN + 8, lambda *_: None)
signal.signal(signal.SIGRTMIN + 9, signal.SIG_IGN)
again = Attachment(os.environ["NIGHTWARDEN_HEARTBEAT_DIR"], 1)
print("ready", shim.stacks.announced["signal"], again.stacks.announced["signal"])
time.sleep(1000)`;
    const trainer = await run(python, code);
    await untilSays(trainer.log, 'ready');
    // The first is faulthandler's own, in C, and is seen all the same.
    expect(textOf(trainer.log)).toBe('ready 41 44\n');
  });
});
