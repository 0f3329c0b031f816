import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BenchHub } from './hub.js';

export interface Client {
  readonly name: string;
  /** Command line that puts the file into an empty folder. */
  argv(hub: BenchHub, folder: string): readonly string[];
  /** Where it then lies. */
  readonly file: string;
  prepare?(folder: string): void;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export const ours: Client = {
  name: 'nightwarden (hash proved)',
  argv: (_, folder) => [
    process.execPath,
    here('../../daemon/cli/main.js'),
    'download',
    'm',
    '--json',
    '--home',
    folder,
  ],
  file: 'models/m/model.safetensors',
  prepare: (folder) =>
    writeFileSync(
      join(folder, 'models.yaml'),
      'm: { repo: bench/model, file: model.safetensors }\n',
    ),
};

export const aria2: Client = {
  name: 'aria2c -x16 (no hash)',
  argv: (hub, folder) => [
    'aria2c',
    '-q',
    '-x16',
    '-s16',
    '-k1M',
    '--file-allocation=falloc',
    '-d',
    folder,
    '-o',
    'model.safetensors',
    `${hub.url}/bench/model/resolve/main/model.safetensors`,
  ],
  file: 'model.safetensors',
};

/** What is downloaded for a night has to survive the machine: ours is synced before it is in its place. */
export const aria2Synced: Client = {
  name: 'aria2c -x16, then sync (no hash)',
  argv: (hub, folder) => [
    ...['sh', '-c', '"$@" && sync "$0"', join(folder, aria2.file)],
    ...aria2.argv(hub, folder),
  ],
  file: aria2.file,
};

export const library: Client = {
  name: '@huggingface/hub downloadFile (no hash)',
  argv: (hub, folder) => [
    process.execPath,
    here('./library.js'),
    hub.url,
    join(folder, 'model.safetensors'),
  ],
  file: 'model.safetensors',
};

/** Runs a client to its end; gives the seconds it took and the CPU seconds it used. */
export async function time(client: Client, hub: BenchHub, folder: string) {
  client.prepare?.(folder);
  const [program = '', ...args] = client.argv(hub, folder);
  const env = { ...process.env, HF_ENDPOINT: hub.url, HF_HOME: join(folder, 'hf') };
  const began = performance.now();
  const before = childCpu();
  const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`${client.name} ended with ${code}`);
  return { seconds: (performance.now() - began) / 1000, cpu: childCpu() - before };
}

/** CPU seconds of children that have ended: /proc/self/stat, fields 16 and 17, 100 ticks a second. */
function childCpu(): number {
  const stat = readFileSync('/proc/self/stat', 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
