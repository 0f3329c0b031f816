// How fast a checkpoint is verified, beside `cat` and `sha256sum` of the same files, all from the page
// cache. `npm run bench:verify -- [--megabytes N] [--rounds N] [--json]`
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { crc32 } from 'node:zlib';
import {
  createCheckpointStore,
  type Found,
  verifyCheckpoint,
} from '../trainer/checkpoints/index.js';
import { median, rounded, table } from './lib/figures.js';

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '512' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'boolean', default: false },
  },
});
const megabytes = Number(values.megabytes);
const rounds = Number(values.rounds);

const BLOCK = Buffer.alloc(1 << 20, Buffer.from(Array.from({ length: 251 }, (_, i) => i + 1)));

/** A safetensors file of one tensor of so many MiB. */
async function safetensors(path: string, size: number): Promise<void> {
  const bytes = size * BLOCK.length;
  const entry = { dtype: 'U8', shape: [bytes], data_offsets: [0, bytes] };
  const json = Buffer.from(JSON.stringify({ 'lora_up.weight': entry }));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  await write(path, [length, json], size, []);
}

/** A zip of one stored entry of so many MiB, as torch.save makes it. */
async function torchFile(path: string, size: number): Promise<void> {
  const name = Buffer.from('archive/data/0');
  const bytes = size * BLOCK.length;
  let sum = 0;
  for (let i = 0; i < size; i += 1) sum = crc32(BLOCK, sum);
  const local = Buffer.alloc(30);
  local.writeUInt32LE(0x04034b50, 0);
  const central = Buffer.alloc(46);
  central.writeUInt32LE(0x02014b50, 0);
  for (const [header, at] of [
    [local, 14],
    [central, 16],
  ] as const) {
    header.writeUInt32LE(sum, at);
    header.writeUInt32LE(bytes, at + 4);
    header.writeUInt32LE(bytes, at + 8);
    header.writeUInt16LE(name.length, at + 12);
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length + name.length, 12);
  end.writeUInt32LE(local.length + name.length + bytes, 16);
  await write(path, [local, name], size, [central, name, end]);
}

async function write(path: string, head: Buffer[], size: number, tail: Buffer[]): Promise<void> {
  const file = createWriteStream(path);
  for (const part of [...head, ...new Array<Buffer>(size).fill(BLOCK), ...tail]) {
    if (!file.write(part)) await once(file, 'drain');
  }
  file.end();
  await once(file, 'finish');
}

async function seconds(work: () => unknown): Promise<number> {
  const began = performance.now();
  await work();
  return (performance.now() - began) / 1000;
}

function run(command: string, files: readonly string[]): void {
  const { status } = spawnSync(command, files, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) throw new Error(`${command} failed`);
}

const dir = mkdtempSync(join(tmpdir(), 'nightwarden-verify-'));
try {
  const state = join(dir, 'out', 'checkpoint-8');
  mkdirSync(state, { recursive: true });
  const files = ['pytorch_lora_weights.safetensors', 'optimizer.bin'].map((f) => join(state, f));
  await safetensors(files[0] as string, Math.round(megabytes / 3));
  await torchFile(files[1] as string, Math.round((megabytes * 2) / 3));
  for (const name of ['scheduler.bin', 'random_states_0.pkl']) {
    files.push(join(state, name));
    await torchFile(join(state, name), 1);
  }
  const found: Found = { path: state, step: 8, kind: 'folder', mtime_ms: statSync(state).mtimeMs };
  const store = createCheckpointStore({
    dir: join(dir, 'records'),
    quarantineDir: join(dir, 'quarantine'),
    now: Date.now,
  });
  const spec = { glob: 'out/checkpoint-*', step: 'checkpoint-(\\d+)$' };
  const sound = async (hash: boolean) => {
    const verdict = await verifyCheckpoint(found, { hash });
    if (!verdict.ok) throw new Error(`${verdict.file}: ${verdict.reason}`);
  };
  await store.chooseNewest({ spec, cwd: dir, trainerDead: true });
  await store.scan(spec, dir);
  const ways: [string, () => unknown][] = [
    ['cat to /dev/null', () => run('cat', files)],
    ['sha256sum', () => run('sha256sum', files)],
    ['verified, every byte', () => sound(true)],
    ['verified, structure alone', () => sound(false)],
    ['verified before: remembered', () => store.best()],
  ];
  const times = new Map(ways.map(([name]) => [name, [] as number[]]));
  // In turn, so that whatever else the machine does meets all of them.
  for (let n = 0; n < rounds; n += 1) {
    for (const [name, work] of ways) times.get(name)?.push(await seconds(work));
  }
  await store.flush();
  const of = (name: string): number => median(times.get(name) ?? []);
  const ratio = of('verified, every byte') / of('sha256sum');
  if (values.json) {
    const told = Object.fromEntries(ways.map(([name]) => [name, rounded(of(name), 4)]));
    console.log(JSON.stringify({ megabytes, rounds, seconds: told, ratio: rounded(ratio, 2) }));
  } else {
    const rows = ways.map(([name]) => {
      const speed = (megabytes / of(name)).toFixed(0);
      return [name, `${(of(name) * 1000).toFixed(1)} ms`, of(name) < 0.02 ? '' : `${speed} MiB/s`];
    });
    console.log(table([['', 'median', ''], ...rows]));
    console.log(`every byte against sha256sum: ${ratio.toFixed(2)} of its time`);
  }
} finally {
  rmSync(dir, { recursive: true, force: true });
}
