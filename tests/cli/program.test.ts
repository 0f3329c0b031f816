import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { runCli } from '../../daemon/cli/program.js';
import { Recorder } from './helpers/streams.js';
import { tempFolder } from './helpers/temp.js';

async function cli(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const [stdout, stderr] = [new Recorder(), new Recorder()];
  const code = await runCli(argv, {
    env,
    cwd: tempFolder(),
    stdout: stdout as never,
    stderr: stderr as never,
  });
  return { code, out: stdout.text(), err: stderr.text() };
}

describe('usage', () => {
  test.each([
    [['stauts'], "unknown command 'stauts'. Did you mean status?"],
    [['status', '--jsn'], "unknown option '--jsn'. Did you mean --json?"],
    [['resume'], "missing required argument 'JOB'"],
    [['queue', 'x'], "too many arguments for 'queue'"],
    [['logs', '--attempt', 'zero'], 'Expected a whole number of at least 1.'],
    [['status', '--', 'python3'], 'Only `nightwarden run -- CMD…` takes a command behind --.'],
    [['status', '--json', '-f'], '--follow and --json do not go together.'],
  ])('%j is refused with words and exit code 2', async (argv, words) => {
    const { code, err } = await cli(argv);
    expect(code).toBe(2);
    expect(err).toContain(words);
    expect(err).not.toMatch(/\n\s+at /);
  });

  test('no command shows the help, which counts as bad usage; asked for, it does not', async () => {
    const bare = await cli([]);
    expect(bare.code).toBe(2);
    expect(bare.err).toContain('Usage: nightwarden');
    const asked = await cli(['--help']);
    expect(asked.code).toBe(0);
    expect(asked.out).toContain('93 gave up');
  });

  test('the version is that of the package', async () => {
    const { code, out } = await cli(['--version']);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('a home that is not there is a slip, by option or by environment', async () => {
    const home = join(tempFolder(), 'nope');
    for (const run of [
      cli(['status', '--home', home]),
      cli(['queue'], { NIGHTWARDEN_HOME: home }),
    ]) {
      const { code, err } = await run;
      expect(code).toBe(2);
      expect(err).toContain(`The home ${home} does not exist.`);
    }
  });

  test('with --json an error is an object on stdout too', async () => {
    const { code, out, err } = await cli(['status', 'ghost', '--json', '--home', tempFolder()]);
    expect(code).toBe(2);
    expect(JSON.parse(out)).toEqual({
      error: 'There is no job named ghost: none was ever queued here.',
    });
    expect(err).toContain('There is no job named ghost');
  });

  test('a stack is shown only where it was asked for', async () => {
    const argv = ['status', 'ghost', '--home', tempFolder()];
    expect((await cli(argv)).err).not.toContain('at ');
    expect((await cli(argv, { NIGHTWARDEN_DEBUG: '1' })).err).toMatch(/\n\s+at /);
  });
});

describe('run, before anything is started', () => {
  test.each([
    [['run'], 'Give a job file'],
    [['run', 'nope.yaml'], 'nope.yaml: no such file'],
    [['run', '--'], 'There is no command behind --.'],
    [['run', 'a.yaml', '--', 'x'], 'not both'],
    [['run', '--log-step', 'x', 'a.yaml'], '--log-step is for a command behind --'],
    [['run', '--log-step', 'step (', '--', 'x'], 'does not compile'],
    [['run', '--total', '0', '--', 'x'], 'Expected a whole number of at least 1.'],
    [['run', '--json', '--', 'x'], '--json needs --detach.'],
  ])('%j is refused', async (argv, words) => {
    const { code, err } = await cli([
      ...argv.slice(0, 1),
      '--home',
      tempFolder(),
      ...argv.slice(1),
    ]);
    expect(code).toBe(2);
    expect(err).toContain(words);
  });

  test('every mistake of a job file is told with its line', async () => {
    const home = tempFolder();
    const file = join(home, 'job.yaml');
    writeFileSync(file, 'name: My Lora\ntrainr: command\n');
    const { code, err } = await cli(['run', '--home', home, file]);
    expect(code).toBe(2);
    expect(err).toContain('job.yaml:1:7');
    expect(err).toContain('job.yaml:2:1');
  });

  test('what the trainer itself refuses is told too, by key', async () => {
    const home = tempFolder();
    mkdirSync(join(home, 'config', 'jobs'), { recursive: true });
    writeFileSync(
      join(home, 'config', 'jobs', 'lora.yaml'),
      'name: lora\ntrainer: reference\nwith: {steeps: 3}\n',
    );
    const { code, err } = await cli(['run', '--home', home, 'lora']);
    expect(code).toBe(2);
    expect(err).toContain('with.steeps: expected an option that trainer: reference knows');
  });
});

describe('without a daemon', () => {
  test('an empty home has no jobs, in words and as JSON', async () => {
    const home = tempFolder();
    expect(await cli(['status', '--json', '--home', home])).toEqual({
      code: 0,
      out: '{"daemon":null,"jobs":[]}\n',
      err: '',
    });
    expect((await cli(['queue', '--home', home])).out).toBe('No job is waiting.\n');
    expect((await cli(['stop', '--home', home])).out).toBe('No job is running.\n');
    expect((await cli(['logs', '--home', home])).code).toBe(2);
  });

  test('the journal tells of a job that was running', async () => {
    const home = tempFolder();
    mkdirSync(join(home, 'state'));
    const ref = { pid: 4_194_300, start_ticks: 1, boot_id: 'gone' };
    const spec = {
      name: 'lora',
      trainer: 'command',
      target_step: 9,
      has_artefact: false,
      plan: null,
      profile: 'p',
    };
    const events = [
      { type: 'daemon_started', pid: 1, version: '0.1.0', boot_id: 'gone' },
      { type: 'job_queued', job: 'lora', spec },
      { type: 'job_queued', job: 'next', spec: { ...spec, name: 'next' } },
      {
        type: 'attempt_starting',
        job: 'lora',
        attempt: 1,
        reason: 'start',
        from: null,
        lost_steps: 0,
      },
      { type: 'attempt_started', job: 'lora', attempt: 1, shepherd: ref, trainer: ref },
    ];
    const lines = events.map((event, i) => JSON.stringify({ seq: i + 1, time: 100 + i, ...event }));
    writeFileSync(join(home, 'state', 'journal.jsonl'), `${lines.join('\n')}\n{"seq":6,"ty`);
    const whole = JSON.parse((await cli(['status', '--json', '--home', home])).out);
    expect(whole.daemon).toBeNull();
    expect(whole.jobs.map((job: { state: string }) => job.state)).toEqual(['running', 'queued']);
    const text = (await cli(['status', 'lora', '--home', home])).out;
    expect(text).toContain('was running when last seen');
    const queue = JSON.parse((await cli(['queue', '--json', '--home', home])).out);
    expect(queue).toEqual({ daemon: null, jobs: [{ position: 1, name: 'next' }] });
    expect((await cli(['status', 'lroa', '--home', home])).err).toContain('Did you mean lora?');
  });
});
