import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { loadConfig, loadJobFile, parseJob, settingsForJob } from '../../config/index.js';
import { complaints, TestHome } from './home.js';

const parse = (text: string) => parseJob(text, 'jobs/x.yaml');
const minimal = 'name: x\ncommand: [true]\n';

describe('what a job file means', () => {
  test('a whole one', () => {
    const job = parse(
      [
        'name: my-lora',
        'trainer: command',
        'models: [flux-dev]',
        'command: [python3, train.py, --steps, 500, 1e-4, 007, true, 1.0]',
        'cwd: /workspace/toy',
        'env: {A: 0644, B: yes, C: ""}',
        'heartbeat: log',
        "log: { step: 'step (\\d+)/(\\d+)', epoch: '(?<epoch>\\d+)' }",
        "checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' }",
        "resume: { args: [--resume, '{checkpoint}', '--at={step}', '{checkpoint_name}', 7] }",
        'done: { step: 500, artefact: out/final.safetensors }',
        'publish: { repo: me/my-lora }',
        'deliver: [/workspace/ComfyUI/models/loras]',
        'hang: {floor_seconds: 1, defaults: {step: 30}}',
        'remedies: {oom: [{args: [--batch, 1]}, {env: {A: b}}], nan: {args: [--seed, "{seed}"]}}',
        'kill: {grace_seconds: 1}',
        'with: {steps: 5, lr: 1e-4, faults: [crash@3], fast: true}',
      ].join('\n'),
    );
    expect(job).toEqual({
      source: 'jobs/x.yaml',
      name: 'my-lora',
      trainer: 'command',
      models: ['flux-dev'],
      // Words are taken as they were written, not as the numbers YAML reads in them.
      command: ['python3', 'train.py', '--steps', '500', '1e-4', '007', 'true', '1.0'],
      cwd: '/workspace/toy',
      env: { A: '0644', B: 'yes', C: '' },
      secrets: [],
      heartbeat: 'log',
      log: { step: 'step (\\d+)/(\\d+)', total: null, epoch: '(?<epoch>\\d+)', loss: null },
      checkpoints: { glob: 'ckpt/step-*', step: 'step-(\\d+)' },
      resume: { args: ['--resume', '{checkpoint}', '--at={step}', '{checkpoint_name}', '7'] },
      done: { step: 500, artefact: 'out/final.safetensors' },
      publish: {
        repo: 'me/my-lora',
        private: true,
        base_model: null,
        instance_prompt: null,
        license: null,
        license_name: null,
        license_link: null,
        tags: [],
        samples: null,
        lora: 'final',
      },
      deliver: ['/workspace/ComfyUI/models/loras'],
      remedies: {
        oom: [
          { args: ['--batch', '1'], env: {} },
          { args: [], env: { A: 'b' } },
        ],
        host_oom: [],
        nan: { args: ['--seed', '{seed}'], env: {} },
      },
      hang: { floor_seconds: 1, defaults: { step: 30 } },
      kill: { grace_seconds: 1 },
      with: { steps: 5, lr: 1e-4, faults: ['crash@3'], fast: true },
    });
  });

  test('what may be left out', () => {
    expect(parse(minimal)).toEqual({
      source: 'jobs/x.yaml',
      name: 'x',
      trainer: 'command',
      models: [],
      command: ['true'],
      cwd: resolve('jobs'),
      env: {},
      secrets: [],
      heartbeat: 'auto',
      log: { step: null, total: null, epoch: null, loss: null },
      checkpoints: null,
      resume: null,
      done: { step: null, artefact: null },
      publish: null,
      deliver: [],
      remedies: { oom: [], host_oom: [], nan: null },
      hang: {},
      kill: {},
      with: {},
    });
  });

  test('a named trainer needs no command', () => {
    expect(parse('name: x\ntrainer: reference\n').command).toBeNull();
  });

  test('cwd counts from the folder of the job file; ~ is the home of the user', () => {
    expect(parse(`${minimal}cwd: ../toy\n`).cwd).toBe(resolve('toy'));
    const env = { HOME: '/home/me' };
    expect(parseJob(`${minimal}cwd: ~/toy\n`, 'x.yaml', env).cwd).toBe('/home/me/toy');
  });
});

describe('what a job file is refused for', () => {
  const refused = (text: string) =>
    complaints(() => parse(text)).map((line) => line.replace('jobs/x.yaml:', ''));

  test('an empty file', () => {
    expect(refused('')).toEqual([
      expect.stringMatching(/^1:1 {2}name: missing\. Expected a name of lower-case letters/),
      '1:1  command: missing. trainer: command runs what stands here: [python3, train.py].',
    ]);
  });

  test.each(['X', 'a b', '../up', '.hidden', '-rf', 'a/b', '""', '5', 'ä'])('name: %s', (name) => {
    expect(refused(`name: ${name}\ncommand: [x]\n`)[0]).toContain('1:7  name: expected a name of');
  });

  test.each([
    [
      'python3 train.py --steps 5',
      "[python3, train.py, --steps, '5'], or for a shell [sh, -c, '…'].",
    ],
    ['cd /x && ./go $A', "Write it as a list: [sh, -c, 'cd /x && ./go $A']."],
    ["sh -c 'it is'", "[sh, -c, 'sh -c ''it is''']."],
  ])('a command in one string: %s', (command, remedy) => {
    const [line] = refused(`name: x\ncommand: ${command}\n`);
    expect(line).toContain('2:10  command: expected a list of at least one word, got "');
    expect(line).toContain(remedy);
  });

  test('the list that the remedy shows is accepted', () => {
    const [line] = refused('name: x\ncommand: python3 train.py --lr 1e-4 a:b -5\n');
    const list = /list: (\[.*?\])/.exec(line ?? '')?.[1];
    expect(parse(`name: x\ncommand: ${list}\n`).command).toEqual([
      'python3',
      'train.py',
      '--lr',
      '1e-4',
      'a:b',
      '-5',
    ]);
  });

  test('all mistakes at once', () => {
    expect(
      refused(
        [
          'name: x',
          'command: [a, {b}, ~]',
          'checkpoints: {glob: a}',
          'resume: {args: [{checkpoint}, "{chekpoint}", "{foo}"]}',
          'env: {a b: 1, NIGHTWARDEN_ATTEMPT: 3, X: [1]}',
          'hang: {flor_seconds: 1, defaults: {step: 10m}}',
          'kill: {grace_seconds: -1}',
          'with: {a: {b: 1}}',
          'publish: {repo: x, lora: bset}',
          'done: {step: 0}',
          'heartbeat: fil',
          'chekpoints: 1',
          'models: flux',
        ].join('\n'),
      ),
    ).toEqual([
      "2:14  command[1]: expected a word of the command, got a section. If it is meant as text, put it in quotes: '{checkpoint}'.",
      "2:19  command[2]: expected a word of the command, got nothing. Write '' for an empty text.",
      "3:1  checkpoints.step: missing. Expected a regular expression such as 'step-(\\d+)'.",
      "4:17  resume.args[0]: expected an argument, got a section. If it is meant as text, put it in quotes: '{checkpoint}'.",
      '4:31  resume.args[1]: unknown placeholder {chekpoint}. Did you mean {checkpoint}? Known: {checkpoint} {step} {epoch} {checkpoint_name}.',
      '4:46  resume.args[2]: unknown placeholder {foo}. Known: {checkpoint} {step} {epoch} {checkpoint_name}.',
      '5:7  env.a b: expected the name of an environment variable: letters, digits and underscores.',
      '5:15  env.NIGHTWARDEN_ATTEMPT: is set for each attempt by the daemon. Remove this line.',
      "5:42  env.X: expected the text of the variable, got a list. If it is meant as text, put it in quotes: '{checkpoint}'.",
      '6:8  hang.flor_seconds: unknown key. Did you mean hang.floor_seconds?',
      '6:42  hang.defaults.step: expected a number of seconds from 0 to 2000000, got "10m". Write 600, without a unit.',
      '7:23  kill.grace_seconds: expected a number of seconds from 0 to 2000000, got -1.',
      '8:11  with.a: expected a text, a number, true, false or a list of these, got a section.',
      '9:17  publish.repo: expected a repository such as \'me/my-lora\', got "x".',
      '9:26  publish.lora: expected final, best, or the path of a saved .safetensors file, got "bset".',
      '10:14  done.step: expected a whole number of at least 1, got 0.',
      '11:12  heartbeat: expected one of auto, file, shim, log, got "fil".',
      '12:1  chekpoints: unknown key. Did you mean checkpoints?',
      '13:9  models: expected a list, got "flux".',
    ]);
  });

  test.each([
    ['step', 'a(', 'does not compile'],
    ['step', 'step', 'expected a group in parentheses around the number'],
    ['epoch', '(?P<epoch>\\d+)', 'Write (?<epoch>…) instead of (?P<epoch>…).'],
    ['loss', '(?<x>\\d+)', 'expected a group named loss among the named groups (x).'],
    ['total', '(?:\\d+)', 'expected a group in parentheses around the number'],
  ])('log.%s: %s', (key, source, complaint) => {
    const [line] = refused(`${minimal}log: {${key}: '${source}'}\n`);
    expect(line).toContain(`3:`);
    expect(line).toContain(`log.${key}: `);
    expect(line).toContain(complaint);
  });

  test('the step of a checkpoint may be told by its epoch', () => {
    const text = `${minimal}checkpoints: {glob: a, step: 'e(?<epoch>\\d+)'}\n`;
    expect(parse(text).checkpoints?.step).toBe('e(?<epoch>\\d+)');
  });

  test('resume without checkpoints, and {epoch} without a group for it', () => {
    expect(refused(`${minimal}resume: {args: [--go]}\n`)).toEqual([
      '3:9  resume: needs checkpoints (glob and step): else there is nothing to resume from.',
    ]);
    const checkpoints = "checkpoints: {glob: a, step: 'step-(\\d+)'}\n";
    expect(refused(`${minimal}${checkpoints}resume: {args: ['{epoch}']}\n`)).toEqual([
      '4:16  resume.args: {epoch} is read from the path of the checkpoint. Write the groups (?<epoch>…) and (?<step>…) in checkpoints.step.',
    ]);
  });

  test.each([
    ['command: []', '2:10  command: expected a list of at least one word, got an empty list.'],
    ['env: [a]', '2:6  env: expected a section of keys, got a list.'],
    ['deliver: x', '2:10  deliver: expected a list of folders, got "x". Write it as a list: [x].'],
    ['with: 3', '2:7  with: expected a section of keys, got 3.'],
    ['log: x', '2:6  log: expected a section with keys such as step, got "x".'],
    [
      'resume: {args: []}',
      '2:16  resume.args: expected a list of at least one argument, got an empty list.',
    ],
    ['resume: {args: x}', '2:16  resume.args: expected a list of at least one argument, got "x".'],
    ['models: [1]', '2:10  models[0]: expected the name of a model in models.yaml, got 1.'],
    ['cwd: ""', '2:6  cwd: expected the path of a folder, got "".'],
  ])('%s', (text, complaint) => {
    expect(refused(`trainer: reference\n${text}\nname: x\n`)).toEqual([complaint]);
  });

  test('braces that are no placeholder stay text', () => {
    const text = `${minimal}checkpoints: {glob: a, step: '(\\d+)'}\nresume: {args: ['{"a": 1}', '{}']}\n`;
    expect(parse(text).resume?.args).toEqual(['{"a": 1}', '{}']);
  });
});

describe('job files on disk', () => {
  let home: TestHome;
  beforeEach(() => {
    home = new TestHome();
  });
  afterEach(() => home.remove());
  const load = (path: string) => loadJobFile({ path, home: home.path, env: {} });

  test('a bare name is looked for in config/jobs', () => {
    const path = home.write('config/jobs/my.yaml', minimal);
    const job = load('my');
    expect(job.cwd).toBe(dirname(path));
    expect(load(path)).toEqual(job);
    expect(job.source).toBe('config/jobs/my.yaml');
  });

  test('a file outside the home keeps the name it was called by', () => {
    const other = new TestHome();
    try {
      const path = other.write('job.yaml', 'nme: x\n');
      expect(complaints(() => load(path))[0]).toContain(`${path}:1:1  `);
    } finally {
      other.remove();
    }
  });

  test('a missing file', () => {
    expect(complaints(() => load('none'))).toEqual([
      'config/jobs/none.yaml: no such file. Check the path.',
    ]);
    const path = join(home.path, 'none.yml');
    expect(complaints(() => load(path))).toEqual(['none.yml: no such file. Check the path.']);
  });

  test("the job's own patience stands over the configuration's", () => {
    const config = loadConfig({ home: home.path, env: {} });
    const job = parse(
      `${minimal}hang: {floor_seconds: 1, ceilings: {step: 9}}\nkill: {grace_seconds: 2}\n`,
    );
    const settings = settingsForJob(config, job);
    expect(settings.hang).toEqual({
      ...config.hang,
      floor_seconds: 1,
      ceilings: { ...config.hang.ceilings, step: 9 },
    });
    expect(settings.kill).toEqual({ ...config.kill, grace_seconds: 2 });
    expect(config.hang.floor_seconds).toBe(8);
  });

  test('a budget raised by a job above the ceiling that would cut it is refused', () => {
    const config = loadConfig({ home: home.path, env: {} });
    const job = parse(`${minimal}hang: {defaults: {step: 7200}}\n`);
    expect(complaints(() => settingsForJob(config, job))[0]).toContain(
      'jobs/x.yaml: hang.defaults.step: 7200 is above hang.ceilings.step (3600)',
    );
  });
});
