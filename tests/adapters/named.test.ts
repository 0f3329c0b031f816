import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, test } from '@jest/globals';
import { AdapterError, resumeArgs, type TrainerPlan } from '../../trainer/adapters/index.js';
import { findCheckpoints } from '../../trainer/checkpoints/index.js';
import { planOf, temporary } from './standin.js';

let root: string;

beforeEach(() => {
  root = temporary();
});

function put(path: string, text: string, mode = 0o644): string {
  const whole = join(root, path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, text);
  chmodSync(whole, mode);
  return whole;
}

const plan = (text: string): TrainerPlan => planOf(`name: my-lora\n${text}\n`, root);

function refusal(text: string): AdapterError {
  try {
    plan(text);
  } catch (error) {
    if (error instanceof AdapterError) return error;
    throw error;
  }
  throw new Error('expected an AdapterError');
}

const at = (path: string, step: number) => ({ path: join(root, path), step });

describe('sd-scripts', () => {
  test('a script alone gets a launcher with one process, and the flags that states need', () => {
    put('venv/bin/accelerate', '#!/bin/sh\n', 0o755);
    const made = plan(
      'trainer: sd-scripts\ncommand: [flux_train_network.py, --output_dir, out, --output_name, a]',
    );
    expect(made.argv).toEqual([
      join(root, 'venv/bin/accelerate'),
      ...['launch', '--num_processes', '1', '--num_cpu_threads_per_process', '1'],
      ...['flux_train_network.py', '--output_dir', 'out', '--output_name', 'a'],
      ...['--save_state', '--save_every_n_epochs', '1', '--save_last_n_epochs_state', '2'],
    ]);
    expect(made.env).toMatchObject({ PYTHONUNBUFFERED: '1', COLUMNS: '400' });
    expect(made.env['PATH']?.startsWith(`${join(root, 'venv/bin')}:`)).toBe(true);
    expect(made.done).toMatchObject({ artefact: join(root, 'out/a.safetensors'), total: true });
  });

  test("a launcher's own words stay; what a person chose is not overruled", () => {
    const made = plan(
      'trainer: sd-scripts\ncommand: [accelerate, launch, --mixed_precision, bf16, train_network.py, --save_state, --save_every_n_epochs, 4, --save_last_n_epochs_state, 3]',
    );
    expect(made.argv.slice(0, 7)).toEqual([
      'accelerate',
      'launch',
      '--mixed_precision',
      'bf16',
      '--num_processes',
      '1',
      'train_network.py',
    ]);
    expect(made.argv.slice(-4)).toEqual([
      ...['--output_dir', join(root, 'outputs/my-lora'), '--output_name', 'my-lora'],
    ]);
    const several = plan(
      'trainer: sd-scripts\ncommand: [accelerate, launch, --multi_gpu, train_network.py]',
    );
    expect(several.argv).not.toContain('--num_processes');
  });

  test('options of a configuration file count, sections and all; the command line goes over them', () => {
    put(
      'a.toml',
      '[saving]\noutput_dir = "there"\noutput_name = "b"\nsave_state = true\nsave_every_n_epochs = 2\n[training]\nmax_train_epochs = 7\n',
    );
    const made = plan(
      'trainer: sd-scripts\ncommand: [train_network.py, --config_file, a, --output_name, c]',
    );
    expect(made.done.artefact).toBe(join(root, 'there/c.safetensors'));
    expect(made.checkpoints?.count).toMatchObject({ max_epochs: 7, max_steps: null });
    expect(made.argv.slice(-2)).toEqual(['--save_last_n_epochs_state', '2']);
    const wanted = plan(
      'trainer: sd-scripts\nwith: {save_every_n_epochs: 1}\ncommand: [train_network.py, --config_file, a]',
    );
    expect(wanted.argv.join(' ')).toContain('--save_every_n_epochs 1');
  });

  test('another program, and a configuration that is not there', () => {
    expect(refusal('trainer: sd-scripts\ncommand: [train.py]')).toMatchObject({ key: 'command' });
    expect(
      refusal('trainer: sd-scripts\ncommand: [train_network.py, --config_file, no]').message,
    ).toMatch(/command: expected a readable TOML file .*no\.toml\. It cannot be read: ENOENT/);
    expect(
      refusal('trainer: sd-scripts\ncommand: [train_network.py]\nresume: {args: [a]}'),
    ).toMatchObject({ key: 'resume' });
  });
});

describe('fluxgym', () => {
  const script = (more = '') => `accelerate launch \\
  --mixed_precision bf16 \\
  sd-scripts/flux_train_network.py \\
  --pretrained_model_name_or_path "${root}/models/unet/flux1-dev.sft" \\
  --max_train_epochs 16 \\
  --output_dir "${root}/outputs/my-lora" \\
  --output_name my-lora ${more}\\`;
  const job = 'trainer: fluxgym\nwith: {lora: My Lora!}';

  beforeEach(() => {
    put('models/unet/flux1-dev.sft', '');
    put('outputs/my-lora/train.sh', script());
  });

  test('a LoRA by its name; what it lacks is added, tokenizers where they are', () => {
    for (const name of ['openai_clip-vit-large-patch14', 'google_t5-v1_1-xxl'])
      put(`models/tokenizers/${name}/tokenizer.json`, '');
    const made = plan(job);
    const words = made.argv.join(' ');
    expect(words).toContain('--num_processes 1 sd-scripts/flux_train_network.py');
    expect(words).toContain(`--tokenizer_cache_dir ${join(root, 'models/tokenizers')}`);
    expect(words).toContain('--save_state --save_every_n_epochs 1 --save_last_n_epochs_state 2');
    expect(made.cwd).toBe(root);
    expect(made.done.artefact).toBe(join(root, 'outputs/my-lora/my-lora.safetensors'));
    expect(resumeArgs(made, at('outputs/my-lora/my-lora-000004-state', 400)).slice(-4)).toEqual([
      ...['--resume', join(root, 'outputs/my-lora/my-lora-000004-state'), '--initial_epoch', '5'],
    ]);
  });

  test('its models.yaml and its token are known to a publication; the token is not read', () => {
    put('HF_TOKEN', 'hf_secret');
    put(
      'models.yaml',
      'flux-dev:\n  repo: a/b\n  base: black-forest-labs/FLUX.1-dev\n  license: other\n  file: flux1-dev.sft\n',
    );
    const made = plan(job);
    expect(made.origin).toEqual({
      base_model: 'black-forest-labs/FLUX.1-dev',
      license: 'other',
      token_file: join(root, 'HF_TOKEN'),
    });
    expect(JSON.stringify(made)).not.toContain('hf_secret');
  });

  test('a model that is not there, with where it comes from', () => {
    put('models.yaml', 'x:\n  repo: some/where\n  file: other.safetensors\n');
    put('outputs/my-lora/train.sh', script(`--ae ${root}/models/vae/other.safetensors `));
    expect(refusal(job).message).toMatch(
      /with\.lora: expected the model models\/vae\/other\.safetensors .* \(from some\/where\)/,
    );
  });

  test('a LoRA that FluxGym has not, and a script that takes a shell', () => {
    expect(refusal('trainer: fluxgym\nwith: {lora: other}').message).toContain(
      'There are my-lora; FluxGym writes it',
    );
    put('outputs/my-lora/train.sh', 'accelerate launch a.py && echo');
    expect(refusal(job).message).toMatch(/one plain command in .*Found: line 1: & takes a shell/);
  });
});

test('kohya-ss: the newest file that its page wrote', () => {
  put('out/config_lora-20260101-120000.toml', 'output_name = "old"\n');
  put(
    'out/config_lora-20260102-090000.toml',
    `ae = "a"\nt5xxl = "t"\noutput_dir = "${root}/out"\noutput_name = "new"\nsave_state = true\nmax_train_steps = 100\n`,
  );
  const made = plan('trainer: kohya-ss\nwith: {config: out}');
  expect(made.argv.join(' ')).toContain(
    `--num_processes 1 --num_cpu_threads_per_process 2 ${root}/sd-scripts/flux_train_network.py --config_file ${root}/out/config_lora-20260102-090000.toml --save_every_n_epochs 1`,
  );
  expect(made.env['PYTHONPATH']).toBe(`${root}:${root}/sd-scripts`);
  expect(made.done.artefact).toBe(join(root, 'out/new.safetensors'));
  put('out/config_lora-20260103-090000.toml', 'output_name = "sd15"\n');
  expect(refusal('trainer: kohya-ss\nwith: {config: out}').key).toBe('with.script');
  expect(refusal('trainer: kohya-ss\nwith: {config: no}').key).toBe('with.config');
});

test('musubi-tuner: what is left is asked for, under a name of its own', () => {
  const made = plan(
    'trainer: musubi-tuner\ncommand: [src/musubi_tuner/wan_train_network.py, --output_dir, out, --output_name, w, --max_train_epochs, 10]',
  );
  const from = at('out/w-from000003-000002-state', 50);
  const argv = resumeArgs(made, from);
  expect(argv.slice(-6)).toEqual([
    ...['--resume', from.path, '--max_train_epochs', '5', '--output_name', 'w-from000005'],
  ]);
  expect(argv.slice(0, 2)).toEqual(['/bin/sh', '-c']);
  expect(argv.slice(4, 6)).toEqual([
    join(root, 'out/w.safetensors'),
    join(root, 'out/w-from000005.safetensors'),
  ]);
});

test('diffusers: a limit of one checkpoint is refused', () => {
  const command = 'train_dreambooth_lora_flux.py, --output_dir, out, --checkpoints_total_limit';
  expect(refusal(`trainer: diffusers\ncommand: [${command}, 1]`).message).toMatch(
    /--checkpoints_total_limit of at least 2, got 1/,
  );
  const made = plan(`trainer: diffusers\ncommand: [${command}, 2]`);
  expect(resumeArgs(made, at('out/checkpoint-500', 500)).slice(-2)).toEqual([
    ...['--resume_from_checkpoint', 'checkpoint-500'],
  ]);
});

describe('ai-toolkit', () => {
  const config = (hub: boolean) =>
    `job: extension\nconfig:\n  name: face_v1\n  process:\n    - training_folder: output\n      save: {push_to_hub: ${hub}}\n      train: {steps: 2000}\n`;

  test('what its own resume would take is made the one that was chosen', () => {
    put('config/a.yaml', config(false));
    const made = plan('trainer: ai-toolkit\nwith: {config: config/a.yaml}');
    const chosen = put('output/face_v1/face_v1_000000500.safetensors', 'whole');
    put('output/face_v1/face_v1_note.txt', 'written later');
    const before = statSync(chosen);
    const argv = resumeArgs({ ...made, argv: ['echo', 'resumed'] }, { path: chosen, step: 500 });
    const run = spawnSync(argv[0] as string, argv.slice(1), { cwd: root, encoding: 'utf8' });
    expect(run).toMatchObject({ status: 0, stdout: 'resumed\n' });
    const after = statSync(chosen);
    expect(after.ctimeMs).toBeGreaterThan(before.ctimeMs);
    // What was verified is still what was verified.
    expect([after.mtimeMs, after.ino, after.mode]).toEqual([
      before.mtimeMs,
      before.ino,
      before.mode,
    ]);
    expect(made.done.artefact).toBe(join(root, 'output/face_v1/face_v1.safetensors'));
  });

  test('a login at the end that nobody could answer', () => {
    put('config/a.yaml', config(true));
    expect(refusal('trainer: ai-toolkit\nwith: {config: config/a.yaml}').message).toContain(
      'save.push_to_hub: false',
    );
  });
});

describe('onetrainer', () => {
  const job = 'trainer: onetrainer\nwith: {config: a.json}';
  const config = (more = '') =>
    put(
      'a.json',
      `{"workspace_dir": "ws", "output_model_destination": "out/a.safetensors", "epochs": 10${more}}`,
    );

  test('by its command line where that takes values', () => {
    config();
    put('modules/util/args/TrainArgs.py', '"--config-value"');
    const made = plan(job);
    expect(resumeArgs(made, at('ws/backup/x-backup-20-2-0', 20))).toEqual([
      ...['./run-cmd.sh', 'train', '--config-path', join(root, 'a.json')],
      ...['--config-value', 'continue_last_backup=true'],
    ]);
    expect(made.stop_signal).toBe('SIGINT');
  });

  test('else by a configuration beside its own', () => {
    config(', "secret": "ü \\" x"');
    put('run-cmd.sh', '#!/bin/sh\nprintf "%s\\n" "$@"\n', 0o755);
    const argv = resumeArgs(plan(job), at('ws/backup/x-backup-20-2-0', 20));
    const run = spawnSync(argv[0] as string, argv.slice(1), { cwd: root, encoding: 'utf8' });
    const own = join(root, 'a.nightwarden-resume.json');
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout.trim().split('\n').slice(-2)).toEqual(['--config-path', own]);
    const before = JSON.parse(readFileSync(join(root, 'a.json'), 'utf8'));
    expect(JSON.parse(readFileSync(own, 'utf8'))).toEqual({
      ...before,
      continue_last_backup: true,
    });
  });

  test('backups by their own step; none is asked for where none is made', async () => {
    config();
    for (const name of ['2026-01-01_10-00-00-backup-20-2-0', '2026-01-01_11-00-00-backup-120-12-0'])
      put(`ws/backup/${name}/meta.json`, '{}');
    const found = await findCheckpoints(plan(job).checkpoints as never, root);
    expect(found.map(({ step }) => step)).toEqual([120, 20]);
    config(', "backup_after_unit": "NEVER"');
    expect(refusal(job).message).toContain('backup_after_unit other than NEVER');
  });
});

test('simpletuner: by its environment, from the latest that is whole', () => {
  put('config/faces/config.json', '{"--output_dir": "out", "max_train_steps": 100}');
  const made = plan('trainer: simpletuner\nwith: {config: config/faces/config.json}');
  expect(resumeArgs(made, at('out/checkpoint-50', 50))).toEqual([
    ...['simpletuner', 'train', 'env=faces', '--resume_from_checkpoint=latest'],
  ]);
  expect(made.checkpoints?.needs).toEqual(['training_state.json']);
  put('elsewhere.json', '{"output_dir": "out"}');
  expect(refusal('trainer: simpletuner\nwith: {config: elsewhere.json}').key).toBe('with.config');
});

test('an artefact of an earlier run is no proof', () => {
  const made = plan('trainer: sd-scripts\ncommand: [train_network.py]');
  const old = put('old', '');
  utimesSync(old, 1e9, 1e9);
  expect(made.done.since).toBeGreaterThan(statSync(old).mtimeMs);
});
