import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { Status } from '../../daemon/core/index.js';
import { cli, endProcessesNaming, run } from './helpers/cli-process.js';
import { tempFolder } from './helpers/temp.js';

const homes: string[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) endProcessesNaming(home);
});

/** A home on a free port, and a job that waits for the file `go` before it ends. */
function makeHome() {
  const home = tempFolder();
  homes.push(home);
  mkdirSync(join(home, 'config'));
  writeFileSync(join(home, 'config', 'nightwarden.yaml'), 'http: { port: 0 }\n');
  const script = join(home, 'wait.sh');
  writeFileSync(
    script,
    `echo "step 1/2"\nuntil test -e "${home}/go"; do sleep 0.05; done\necho "step 2/2"\n`,
  );
  const go = () => writeFileSync(join(home, 'go'), '');
  const words = ['--name', 'wait', '--log-step', 'step (\\d+)/(\\d+)', '--', 'sh', script];
  const status = async (): Promise<Status> => {
    return JSON.parse((await run(['status', '--json', '--home', home], home)).out);
  };
  return { home, go, words, status };
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

describe('run', () => {
  test('starts a daemon, follows the job to its end and tells its outcome by the exit code', async () => {
    const { home, go, words, status } = makeHome();
    const following = cli(['run', '--home', home, ...words], home);
    await following.shows('training');
    go();
    expect(await following.ended).toBe(0);
    expect(following.out()).toContain('wait: finished');
    expect(following.err()).toContain('starting one in the background');
    expect((await status()).daemon).not.toBeNull();
    expect((await run(['logs', '--home', home], home)).out).toBe('step 1/2\nstep 2/2\n');
    const log = await run(['logs', '--daemon', '--home', home], home);
    expect(log.out).toContain('wait: finished');

    const failing = await run(
      ['run', '--home', home, '--', 'sh', '-c', 'echo last words; exit 3'],
      home,
    );
    expect(failing.code).toBe(93);
    expect(failing.out).toContain('last words');

    expect((await run(['stop', '--daemon', '--home', home], home)).out).toContain('has ended');
    expect((await status()).daemon).toBeNull();
  });

  test('Ctrl-C leaves the job running and says how to come back; stop ends it', async () => {
    const { home, words, status } = makeHome();
    const following = cli(['run', '--home', home, ...words], home);
    await following.shows('training');
    following.child.kill('SIGINT');
    expect(await following.ended).toBe(0);
    expect(following.out()).toContain('`nightwarden status -f wait` comes back to it');
    const before = await status();
    expect(before.jobs[0]!.state).toBe('running');
    const follower = cli(['status', '-f', '--home', home], home);
    await follower.shows('wait: training');
    const stopped = await run(['stop', '--home', home], home);
    expect(stopped).toMatchObject({ code: 0 });
    expect(await follower.ended).toBe(1);
    expect(follower.out()).toContain('wait: stopped');
    expect(isAlive(before.jobs[0]!.trainer_pid!)).toBe(false);
  });
});

describe('up', () => {
  test('a second one is refused with the pid of the first', async () => {
    const { home } = makeHome();
    const first = cli(['up', '--json', '--home', home], home);
    await first.shows('"ready":true');
    const second = await run(['up', '--home', home], home);
    expect(second.code).toBe(2);
    expect(second.err).toContain(
      `A daemon (pid ${first.child.pid}) watches over this home already.`,
    );
    const third = cli(['up', '--json', '--takeover', '--home', home], home);
    await third.shows('"ready":true');
    expect(await first.ended).toBe(0);
    third.child.kill('SIGTERM');
    expect(await third.ended).toBe(0);
  });

  test('ended, it leaves the trainer running, and stop ends that without a daemon', async () => {
    const { home, words, status } = makeHome();
    const daemon = cli(['up', '--home', home], home);
    await daemon.shows('watches over');
    expect((await run(['run', '--detach', '--home', home, ...words], home)).code).toBe(0);
    await daemon.shows('attempt 1 runs');
    daemon.child.kill('SIGINT');
    expect(await daemon.ended).toBe(0);
    expect(daemon.err()).toContain('The training goes on');
    const alone = await status();
    expect(alone).toMatchObject({ daemon: null, jobs: [{ state: 'running' }] });
    const pid = alone.jobs[0]!.trainer_pid!;
    expect(isAlive(pid)).toBe(true);
    const stopped = await run(['stop', '--json', '--home', home], home);
    expect(JSON.parse(stopped.out)).toEqual({ stopped: ['wait'], daemon_ended: true });
    expect(isAlive(pid)).toBe(false);
    expect(await status()).toMatchObject({ daemon: null, jobs: [{ state: 'stopped' }] });
  });

  test('a terminal that goes away leaves it at work', async () => {
    const { home } = makeHome();
    const daemon = cli(['up', '--json', '--home', home], home);
    await daemon.shows('"ready":true');
    daemon.child.kill('SIGHUP');
    daemon.child.stdout!.destroy();
    const found = await run(['status', '--json', '--home', home], home);
    expect(JSON.parse(found.out).daemon.pid).toBe(daemon.child.pid);
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
  });

  test('a mistake in the configuration is told before anything is started', async () => {
    const { home, words } = makeHome();
    writeFileSync(join(home, 'config', 'nightwarden.yaml'), 'http: { prot: 1 }\n');
    for (const argv of [['up'], ['run', '--detach']]) {
      const rest = argv[0] === 'run' ? words : [];
      const { code, err } = await run([...argv, '--home', home, ...rest], home);
      expect(code).toBe(2);
      expect(err).toContain('nightwarden.yaml:1:9');
    }
    expect(existsSync(join(home, 'state', 'daemon.json'))).toBe(false);
  });
});

test('a daemon that dies at its start is quoted', async () => {
  const { home, words } = makeHome();
  mkdirSync(join(home, 'state'));
  writeFileSync(join(home, 'state', 'snapshot.json'), '{"torn');
  writeFileSync(
    join(home, 'state', 'journal.jsonl'),
    '{"seq":900,"time":1,"type":"daemon_stopping"}\n',
  );
  const { code, err } = await run(['run', '--detach', '--home', home, ...words], home);
  expect(code).toBe(1);
  expect(err).toContain('The daemon did not start (exit code 1).');
  expect(err).toContain('snapshot');
  expect(readFileSync(join(home, 'logs', 'daemon.out'), 'utf8')).toContain('snapshot');
});
