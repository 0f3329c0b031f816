import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { processesWith } from './census.js';
import { CLI, House, program, until } from './house.js';

const BATCHES = 8;
const EPOCHS = 4;

let house: House;
let root: string;
const pages: ChildProcess[] = [];

/** The script as FluxGym writes it: absolute paths but for the program, and a backslash at the end. */
const trainSh = () => `accelerate launch \\
  --mixed_precision bf16 \\
  --num_cpu_threads_per_process 1 \\
  sd-scripts/flux_train_network.py \\
  --pretrained_model_name_or_path "${root}/models/unet/flux1-dev.sft" \\
  --clip_l "${root}/models/clip/clip_l.safetensors" \\
  --sdpa --persistent_data_loader_workers \\
  --max_data_loader_n_workers 2 \\
  --optimizer_args "relative_step=False" "scale_parameter=False" \\
  --max_train_epochs ${EPOCHS} \\
  --save_every_n_epochs 1 \\
  --dataset_config "${root}/outputs/my-lora/dataset.toml" \\
  --output_dir "${root}/outputs/my-lora" \\
  --output_name my-lora \\
  --loss_type l2 \\`;

beforeEach(() => {
  house = new House('checkpoints: { settle_seconds: 0.1, scan_seconds: 0.2 }\n');
  root = house.path('fluxgym');
  cpSync(program('standin'), house.path('fluxgym/sd-scripts'), { recursive: true });
  renameSync(
    house.path('fluxgym/sd-scripts/train_network.py'),
    house.path('fluxgym/sd-scripts/flux_train_network.py'),
  );
  house.write('fluxgym/env/bin/accelerate', readFileSync(program('standin/accelerate'), 'utf8'));
  chmodSync(house.path('fluxgym/env/bin/accelerate'), 0o755);
  for (const model of ['unet/flux1-dev.sft', 'clip/clip_l.safetensors'])
    house.write(`fluxgym/models/${model}`, 'weights');
  house.write('fluxgym/outputs/my-lora/train.sh', trainSh());
  gate(1000);
});

afterEach(async () => {
  for (const page of pages.splice(0)) page.kill('SIGKILL');
  await house.demolish();
});

function gate(step: number): void {
  writeFileSync(house.path('gate.new'), String(step));
  renameSync(house.path('gate.new'), house.path('gate'));
}

function hook(...args: string[]): string {
  const run = spawnSync(process.execPath, [CLI, '--home', house.home, 'hook', 'fluxgym', ...args], {
    encoding: 'utf8',
  });
  if (run.status !== 0) throw new Error(`${run.status}: ${run.stderr}`);
  return run.stdout;
}

interface Page {
  readonly child: ChildProcess;
  output(): string;
  ended(): Promise<number>;
}

/** The page's own log view, and the exit status it saw. */
function press(env: Record<string, string> = {}): Page {
  const child = spawn('python3', [program('standin/page.py'), root, 'my-lora'], {
    env: {
      ...process.env,
      BATCHES: String(BATCHES),
      GATE: house.path('gate'),
      TRACE: house.path('trace.jsonl'),
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  pages.push(child);
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    child,
    output: () => output,
    ended: () =>
      until('the end of the page', () => /page: exit (-?\d+)/.exec(output)?.[1], 60).then(Number),
  };
}

const accelerate = () => readFileSync(house.path('fluxgym/env/bin/accelerate'), 'utf8');
const traced = () => house.read('trace.jsonl').trim().split('\n').length;

describe('the stand-in', () => {
  test('twice installed and removed, everything is as it was', () => {
    const before = accelerate();
    hook('--install', root);
    const once = accelerate();
    expect(once).toContain('nightwarden');
    hook('--install', root);
    expect(accelerate()).toBe(once);
    expect(readdirSync(house.path('fluxgym/env/bin')).sort()).toEqual([
      'accelerate',
      'accelerate.nightwarden-original',
    ]);
    hook('--remove', root);
    expect(accelerate()).toBe(before);
    expect(readdirSync(house.path('fluxgym/env/bin'))).toEqual(['accelerate']);
    expect(hook('--remove', root)).toContain('nothing to remove');
  });

  test('a newer accelerate that pip put over it is what is kept', () => {
    hook('--install', root);
    const newer = `${accelerate().split('\n')[0]}\necho newer "$@"\n`;
    writeFileSync(house.path('fluxgym/env/bin/accelerate'), newer);
    hook('--install', root);
    expect(house.read('fluxgym/env/bin/accelerate.nightwarden-original')).toBe(newer);
    hook('--remove', root);
    expect(accelerate()).toBe(newer);
  });

  test('leaves everything but a network training to the real one', () => {
    hook('--install', root);
    const run = (args: string[], env = {}) =>
      spawnSync(house.path('fluxgym/env/bin/accelerate'), args, {
        encoding: 'utf8',
        env: { ...process.env, ...env },
      }).stdout;
    expect(run(['config', 'default'])).toBe('accelerate config default\n');
    house.write('other.py', 'print("other")');
    expect(run(['launch', house.path('other.py')])).toBe('other\n');
    expect(existsSync(house.path('state/daemon.json'))).toBe(false);
  });
});

describe("a training that FluxGym's page starts", () => {
  test('is supervised: its output comes as before, its end with its status', async () => {
    hook('--install', root);
    const page = press();
    expect(await page.ended()).toBe(0);
    expect(page.output()).toMatch(/32\/32 \[/);
    expect(page.output()).toContain(
      `saving checkpoint: ${root}/outputs/my-lora/my-lora.safetensors`,
    );
    const job = await house.job('my-lora', 'the end', ({ state }) => state === 'finished');
    expect(job).toMatchObject({ step: BATCHES * EPOCHS, attempt: 1 });
    expect(readdirSync(house.path('fluxgym/outputs/my-lora'))).toContain('my-lora-state');
    // Pressed again: another training, not the old one's end.
    expect(await press().ended()).toBe(0);
    expect(traced()).toBe(2 * BATCHES * EPOCHS);
  });

  test('goes on from its last epoch when it crashes, and the page shows it', async () => {
    hook('--install', root);
    gate(BATCHES + 3);
    const page = press();
    const job = await house.job('my-lora', 'step 11', ({ step }) => step === BATCHES + 3);
    process.kill(trainer(), 'SIGKILL');
    gate(1000);
    expect(await page.ended()).toBe(0);
    expect(page.output()).toContain('resume training from local state');
    expect(job.attempt).toBe(1);
    expect(traced()).toBe(BATCHES * EPOCHS + 3);
  });

  test('outlives the page; pressed again, the same one is shown', async () => {
    hook('--install', root);
    gate(BATCHES + 3);
    const page = press();
    await house.job('my-lora', 'step 11', ({ step }) => step === BATCHES + 3);
    // The page's whole process group, as a closed terminal does it.
    process.kill(-(page.child.pid as number), 'SIGKILL');
    const again = press();
    await until('its output', () => again.output().includes('11/32 ['));
    expect(
      processesWith(['flux_train_network.py', '--output_name', root], ['accelerate']),
    ).toHaveLength(1);
    gate(1000);
    expect(await again.ended()).toBe(0);
    expect(traced()).toBe(BATCHES * EPOCHS);
    expect((await house.status()).jobs).toHaveLength(1);
  });

  test('is not started a second time where a dead daemon has left one running', async () => {
    hook('--install', root);
    gate(BATCHES + 3);
    press();
    const { trainer_pid } = await house.job(
      'my-lora',
      'step 11',
      ({ step }) => step === BATCHES + 3,
    );
    process.kill((await house.status()).daemon?.pid as number, 'SIGKILL');
    // No daemon comes up with this.
    house.write('config/nightwarden.yaml', 'no_such_key: 1\n');
    const again = press();
    expect(await again.ended()).toBe(1);
    expect(again.output()).toContain('it is not started a second time');
    expect(existsSync(`/proc/${trainer_pid}`)).toBe(true);
    expect(traced()).toBe(BATCHES + 3);
  });

  test('that fails for good ends with a status that says so', async () => {
    house.write('fluxgym/sd-scripts/flux_train_network.py', 'import no_such_module\n');
    hook('--install', root);
    const page = press();
    expect(await page.ended()).not.toBe(0);
    expect(page.output()).toContain("No module named 'no_such_module'");
  });

  test('runs without supervision where the daemon will not have it', async () => {
    hook('--install', root);
    house.write('config/nightwarden.yaml', 'no_such_key: 1\n');
    const page = press();
    expect(await page.ended()).toBe(0);
    expect(page.output()).toContain('the training runs without supervision');
    expect(traced()).toBe(BATCHES * EPOCHS);
  });
});

/** The Python process of the training. */
function trainer(): number {
  const [pid] = processesWith(['python', 'flux_train_network.py', root], ['/bin/sh', 'shepherd']);
  if (pid === undefined) throw new Error('no trainer');
  return pid;
}
