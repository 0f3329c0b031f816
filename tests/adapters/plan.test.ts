import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parseJob } from '../../config/index.js';
import {
  AdapterError,
  adapterNames,
  type JobInput,
  knobsOf,
  planJob,
  resumeArgs,
  type TrainerPlan,
} from '../../trainer/adapters/index.js';

const context = {
  home: '/home',
  outputs: '/home/outputs',
  referenceEntry: () => '/app/reference/main.js',
  referenceImages: () => '/app/images',
};

const job = (changes: Partial<JobInput> = {}): JobInput => ({
  name: 'x',
  trainer: 'command',
  command: ['python3', 'train.py'],
  cwd: '/jobs',
  env: {},
  heartbeat: 'auto',
  log: { step: null, total: null, epoch: null, loss: null },
  checkpoints: null,
  resume: null,
  done: { step: null, artefact: null },
  remedies: { oom: [], host_oom: [], nan: null },
  with: {},
  ...changes,
});

const reference = (changes: Partial<JobInput> = {}) =>
  planJob(job({ trainer: 'reference', command: null, ...changes }), context);

function refusal(act: () => unknown): AdapterError {
  try {
    act();
  } catch (error) {
    if (error instanceof AdapterError) return error;
    throw error;
  }
  throw new Error('expected an AdapterError, and nothing was thrown');
}

describe('trainer: command', () => {
  test('runs, watches and resumes as the job file says', () => {
    const log = { step: 'step (\\d+)', total: null, epoch: null, loss: null };
    const checkpoints = { glob: 'ckpt/step-*', step: 'step-(\\d+)' };
    const resume = { args: ['--resume', '{checkpoint}'] };
    const plan = planJob(
      job({ log, checkpoints, resume, done: { step: 5, artefact: 'out/a' }, heartbeat: 'log' }),
      context,
    );
    expect(plan).toEqual({
      trainer: 'command',
      argv: ['python3', 'train.py'],
      cwd: '/jobs',
      env: { PYTHONUNBUFFERED: '1', COLUMNS: '400' },
      heartbeat: 'log',
      log,
      checkpoints,
      resume,
      remedies: { oom: [], host_oom: [], nan: null },
      done: { step: 5, artefact: '/jobs/out/a' },
    });
  });

  test('an absolute artefact stays where it is, and none is none', () => {
    const done = { step: null, artefact: '/out/a' };
    expect(planJob(job({ done }), context).done).toEqual(done);
    expect(planJob(job(), context).done).toEqual({ step: null, artefact: null });
  });

  test("the job's own variables win", () => {
    const env = { COLUMNS: '80', A: 'b' };
    expect(planJob(job({ env }), context).env).toEqual({
      PYTHONUNBUFFERED: '1',
      COLUMNS: '80',
      A: 'b',
    });
  });

  test.each([null, [], ['']])('without a program: %p', (command) => {
    expect(refusal(() => planJob(job({ command }), context)).message).toBe(
      'command: expected a list of words that begins with a program. Write for example command: [python3, train.py].',
    );
  });

  test('options have no meaning', () => {
    expect(refusal(() => planJob(job({ with: { steps: 3 } }), context)).key).toBe('with.steps');
  });
});

describe('knobs', () => {
  const plan = planJob(
    job({
      remedies: {
        oom: [
          { args: ['--checkpointing'], env: {} },
          { args: ['--batch', '1'], env: { A: '1' } },
        ],
        host_oom: [{ args: ['--workers', '0'], env: {} }],
        nan: { args: ['--seed', 'x{seed}'], env: {} },
      },
    }),
    context,
  );

  test('are turned one at a time and stay turned', () => {
    expect(knobsOf(plan, { oom: 0, host_oom: 0, nan: 0 })).toEqual({ args: [], env: {} });
    expect(knobsOf(plan, { oom: 1, host_oom: 0, nan: 0 }).args).toEqual(['--checkpointing']);
    expect(knobsOf(plan, { oom: 2, host_oom: 1, nan: 3 })).toEqual({
      args: ['--checkpointing', '--batch', '1', '--workers', '0', '--seed', 'x3'],
      env: { A: '1' },
    });
  });
});

describe('trainer: reference', () => {
  test('by its defaults', () => {
    expect(reference({ name: 'night', env: { A: 'b' } })).toEqual({
      trainer: 'reference',
      argv: [
        process.execPath,
        '/app/reference/main.js',
        ...['--data', '/app/images', '--out', '/home/outputs/night', '--name', 'night'],
        ...['--steps', '400', '--save-every', '50', '--sample-every', '100'],
        ...['--rank', '8', '--alpha', '8'],
      ],
      cwd: '/jobs',
      env: { A: 'b' },
      heartbeat: 'file',
      log: { step: null, total: null, epoch: null, loss: null },
      checkpoints: { glob: '/home/outputs/night/checkpoints/step-*', step: 'step-(\\d+)$' },
      resume: { args: ['--resume', '{checkpoint}'] },
      remedies: { oom: [], host_oom: [], nan: { args: ['--reseed', '{seed}'], env: {} } },
      done: { step: 400, artefact: '/home/outputs/night/night.safetensors' },
    });
  });

  test('with options', () => {
    const plan = reference({
      with: {
        steps: 20,
        save_every: 5,
        sample_every: 0,
        rank: 4,
        alpha: 2.5,
        lr: 1e-4,
        batch: 2,
        seed: 0,
        keep: 3,
        step_ms: 10,
        data: 'images',
        faults: ['crash@7', 'hang-deaf@9'],
      },
    });
    expect(plan.argv.slice(2)).toEqual([
      ...['--data', '/jobs/images', '--out', '/home/outputs/x', '--name', 'x'],
      ...['--steps', '20', '--save-every', '5', '--sample-every', '0', '--rank', '4'],
      ...['--alpha', '2.5', '--lr', '0.0001', '--batch', '2', '--seed', '0', '--keep', '3'],
      ...['--step-ms', '10', '--fault', 'crash@7', '--fault', 'hang-deaf@9'],
    ]);
    expect(plan.done.step).toBe(20);
  });

  test('a folder that reads like a pattern is taken as it is', () => {
    const ctx = { ...context, outputs: '/home/[me]' };
    const plan = planJob(job({ trainer: 'reference', command: null }), ctx);
    expect(plan.checkpoints?.glob).toBe('/home/\\[me\\]/x/checkpoints/step-*');
  });

  test('by default it is the embedded program', () => {
    const { home, outputs } = context;
    const plan = planJob(job({ trainer: 'reference', command: null }), { home, outputs });
    expect(plan.argv[1]).toMatch(/reference/);
    expect(plan.argv[3]).toMatch(/images/);
  });

  test.each([
    [{ stepz: 3 }, 'with.stepz', 'Known: steps, save_every'],
    [{ steps: 0 }, 'with.steps', 'a whole number of at least 1, got 0'],
    [{ steps: 1.5 }, 'with.steps', 'a whole number of at least 1, got 1.5'],
    [{ rank: '8' }, 'with.rank', 'a whole number of at least 1, got "8"'],
    [{ lr: 0 }, 'with.lr', 'a number above 0, got 0'],
    [{ data: '' }, 'with.data', 'the path of a folder of images, got ""'],
    [{ faults: 'crash@3' }, 'with.faults', 'a list of KIND@STEP, got "crash@3"'],
    [{ faults: ['crsh@3'] }, 'with.faults', 'Kinds: crash, kill, segv'],
    [{ faults: ['crash'] }, 'with.faults', 'a list of KIND@STEP, got ["crash"]'],
  ] as const)('refuses %p', (options, key, complaint) => {
    const error = refusal(() => reference({ with: options as unknown as JobInput['with'] }));
    expect(error.key).toBe(key);
    expect(error.message).toContain(complaint);
  });

  test.each([
    ['command', { command: ['x'] }],
    ['heartbeat', { heartbeat: 'log' as const }],
    ['log', { log: { step: '(\\d)', total: null, epoch: null, loss: null } }],
    ['checkpoints', { checkpoints: { glob: 'a', step: '(\\d)' } }],
    ['resume', { resume: { args: ['a'] } }],
    ['done', { done: { step: 3, artefact: null } }],
  ])('refuses a %s of the job, which it would ignore', (key, changes) => {
    expect(refusal(() => reference(changes)).key).toBe(key);
  });
});

test.each(['sdscripts', 'fluxgyn', 'comand'])('trainer: %s', (trainer) => {
  const error = refusal(() => planJob(job({ trainer }), context));
  expect(error.key).toBe('trainer');
  expect(error.message).toContain(`expected one of ${adapterNames.join(', ')}, got "${trainer}"`);
  expect(error.message).toContain('trainer: command runs any program');
});

test('a checked job file is what an adapter takes', () => {
  const file = parseJob(
    'name: x\ntrainer: reference\nwith: {steps: 3, faults: [crash@2]}\n',
    'x.yaml',
  );
  const plan = planJob(file, context);
  expect(plan.argv.join(' ')).toContain('--steps 3');
  expect(plan.argv.slice(-2)).toEqual(['--fault', 'crash@2']);
});

describe('the arguments of an attempt', () => {
  const plan = (args: string[], step = 'step-(\\d+)'): TrainerPlan =>
    planJob(job({ checkpoints: { glob: 'c', step }, resume: { args } }), context);
  const checkpoint = { path: join('/out', 'step-000120'), step: 120 };

  test('the first has no resume arguments, nor has a job without any', () => {
    expect(resumeArgs(plan(['--resume']), null)).toEqual(['python3', 'train.py']);
    expect(resumeArgs(planJob(job(), context), checkpoint)).toEqual(['python3', 'train.py']);
  });

  test('placeholders are filled in, several in one argument too', () => {
    const args = ['--resume', '{checkpoint}', '{checkpoint_name}:{step}', '{"a": {}}'];
    expect(resumeArgs(plan(args), checkpoint).slice(2)).toEqual([
      '--resume',
      '/out/step-000120',
      'step-000120:120',
      '{"a": {}}',
    ]);
  });

  test('a path with braces or dollar signs is taken as it is', () => {
    const odd = { path: "/out/{step}/$&$'/step-5", step: 5 };
    expect(resumeArgs(plan(['{checkpoint}']), odd).at(-1)).toBe(odd.path);
  });

  test('the epoch is read from the last match in the path', () => {
    const path = '/e1-s1/e7-s120';
    const withEpoch = plan(['{epoch}'], 'e(?<epoch>\\d+)-s(?<step>\\d+)');
    expect(resumeArgs(withEpoch, { path, step: 120 }).at(-1)).toBe('7');
    const error = refusal(() => resumeArgs(plan(['{epoch}']), checkpoint));
    expect(error.message).toContain('resume.args: expected an epoch in the path /out/step-000120');
  });

  test('the plan itself is left as it was', () => {
    const before = plan(['{step}']);
    resumeArgs(before, checkpoint).push('x');
    resumeArgs(before, null).push('x');
    expect(before).toEqual(plan(['{step}']));
  });
});
