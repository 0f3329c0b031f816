import { cpSync, existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { tether } from '../../trainer/process/index.js';
import { cli, processesNaming } from '../cli/helpers/cli-process.js';
import { MailServer } from '../notify/helpers/mail-server.js';
import { House, program, until } from './house.js';

const CONFIG = `checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }
kill: { grace_seconds: 0.5 }
`;
const JOB = `name: scheduled
command: [sh, -c, 'exec python3 stranger.py --steps 60 --step-seconds $(cat pace) "$@"', sh]
cwd: work
log: { step: 'step (\\d+)/(\\d+)' }
checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }
resume: { args: [--resume, '{checkpoint}'] }
done: { step: 60, artefact: out/final.json }
`;

/** Up to three daemons one after another, on a machine that may have other things to do. */
jest.setTimeout(180_000);

/** Seconds a step takes; slow enough not to be over before it was looked at. */
const [FAST, SLOW] = ['0.02', '0.4'];

let house: House;
beforeEach(() => {
  process.env['SLURM_JOB_ID'] = '7';
  house = new House(CONFIG);
  house.write('work/.keep', '');
  cpSync(program('stranger.py'), house.path('work/stranger.py'));
  house.write('job.yaml', JOB);
  house.write('work/pace', FAST);
});
afterEach(async () => {
  delete process.env['SLURM_JOB_ID'];
  await house.demolish();
});

/** The command line of a batch script. */
const up = (...more: string[]) => {
  const words = ['up', '--home', house.home, '--job', house.path('job.yaml'), ...more];
  const daemon = cli(words, house.home);
  house.daemons.push(daemon.child);
  return daemon;
};

/** What ended each attempt, by the journal. */
const causes = (): string[] =>
  house
    .read('state/journal.jsonl')
    .split('\n')
    .filter((line) => line.includes('"attempt_ended"'))
    .map((line) => (JSON.parse(line) as { cause: string }).cause);

const script = (text: string) =>
  house.write('job.yaml', `name: scheduled\ncommand: [sh, -c, '${text}']\ncwd: work\n`);

/** A daemon whose trainer has saved, with much left to do; the trainer's next life is a fast one. */
async function underWay() {
  house.write('work/pace', SLOW);
  const daemon = up();
  const saved = await house.job(
    'scheduled',
    'a checkpoint',
    ({ checkpoint }) => (checkpoint?.step ?? 0) >= 20,
  );
  house.write('work/pace', FAST);
  return { daemon, trainer_pid: saved.trainer_pid };
}

describe('as a job of Slurm, the daemon ends when there is nothing left to do', () => {
  test('0 when the job is done, and again when it is asked for once more', async () => {
    expect(await up().ended).toBe(0);
    expect(existsSync(house.path('work/out/final.json'))).toBe(true);
    const before = house.read('work/trace.jsonl');
    expect(await up().ended).toBe(0);
    expect(house.read('work/trace.jsonl')).toBe(before);
  });

  test('its last mail is sent before: no daemon may follow that would', async () => {
    const mails = await MailServer.start({});
    const mail = `mail: { host: 127.0.0.1, port: ${mails.port}, to: me@home.net, from: nw@home.net }`;
    house.write('config/nightwarden.yaml', `http: { port: 0 }\n${mail}\n${CONFIG}`);
    try {
      expect(await up().ended).toBe(0);
      expect(mails.mails.map(({ headers }) => headers['subject'])).toEqual([
        'Finished: scheduled, step 60',
      ]);
    } finally {
      await mails.stop();
    }
  });

  test('93 when it gave up', async () => {
    script('exec no-such-trainer');
    expect(await up().ended).toBe(93);
  });

  test('33 when the host is bad, and nothing is started on it a second time', async () => {
    script('echo >>lives; echo "RuntimeError: GPU has fallen off the bus"; exit 1');
    expect(await up().ended).toBe(33);
    expect(await up().ended).toBe(33);
    expect(house.read('work/lives')).toBe('\n');
  });

  test('scheduler: false keeps it up, whatever the environment says', async () => {
    house.write('config/nightwarden.yaml', `http: { port: 0 }\nscheduler: false\n${CONFIG}`);
    const daemon = up();
    await house.job('scheduled', 'the end', ({ state }) => state === 'finished');
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(0);
  });
});

describe('what the scheduler ends', () => {
  test('SIGTERM ends the trainer too, the exit code asks for a requeue, and that goes on', async () => {
    const { daemon, trainer_pid } = await underWay();
    const told = performance.now();
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(33);
    expect((performance.now() - told) / 1000).toBeLessThan(25);
    expect(existsSync(`/proc/${trainer_pid}`)).toBe(false);
    expect(processesNaming(house.home)).toEqual([]);
    expect(await up().ended).toBe(0);
    const lives = house.read('work/trace.jsonl').match(/"from": \d+/g);
    expect(lives).toHaveLength(2);
    expect(Number(lives?.[1]?.split(' ')[1])).toBeGreaterThanOrEqual(20);
    expect(causes()).toEqual(['preempted', 'done']);
  });

  test('a trainer that is signalled before its daemon has not crashed, and no other is begun', async () => {
    const { daemon, trainer_pid } = await underWay();
    process.kill(trainer_pid ?? 0, 'SIGTERM');
    await until('the end of the trainer', () => !existsSync(`/proc/${trainer_pid}`));
    daemon.child.kill('SIGTERM');
    expect(await daemon.ended).toBe(33);
    expect(await up().ended).toBe(0);
    expect(causes()).toEqual(['preempted', 'done']);
  });

  const tied = tether() === null ? test.skip : test;
  tied('kill -9 of the daemon is the end of its trainer: nothing outlives the job', async () => {
    const { daemon, trainer_pid } = await underWay();
    daemon.child.kill('SIGKILL');
    expect(await daemon.ended).toBe('SIGKILL');
    await until('the end of the trainer', () => !existsSync(`/proc/${trainer_pid}`));
    await until('the end of its shepherd', () => processesNaming(house.home).length === 0);
    expect(await up().ended).toBe(0);
  });
});
