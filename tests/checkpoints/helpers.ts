import {
  cp,
  mkdir,
  mkdtemp,
  readdir,
  realpath,
  rm,
  stat,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach } from '@jest/globals';
import type { Found } from '../../trainer/checkpoints/index.js';

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '..', 'fixtures');

export const KOHYA = join(fixtures, 'sd-scripts', 'my-lora-000001-state');
export const DIFFUSERS = join(fixtures, 'diffusers', 'checkpoint-12');

const made: string[] = [];
const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
  for (const dir of made.splice(0)) await rm(dir, { recursive: true, force: true });
});

/** Work to wait for before the folders are removed. */
export function beforeRemoval(end: () => Promise<unknown>): void {
  endings.push(end);
}

/** A folder of its own, removed after the test. */
export async function temporary(under = tmpdir(), prefix = 'nightwarden-ckpt-'): Promise<string> {
  const dir = await realpath(await mkdtemp(join(under, prefix)));
  made.push(dir);
  return dir;
}

/** Copies a fixture; every file gets the same time, as a checkout gives them in any order. */
export async function copyOf(fixture: string, to: string): Promise<string> {
  await mkdir(dirname(to), { recursive: true });
  await cp(fixture, to, { recursive: true });
  for (const name of await readdir(to)) await utimes(join(to, name), 1e9, 1e9);
  return to;
}

export async function foundAt(path: string, step = 8): Promise<Found> {
  const at = await stat(path);
  return { path, step, kind: at.isDirectory() ? 'folder' : 'file', mtime_ms: at.mtimeMs };
}

/** An F32 safetensors file of the given tensors, in this order. */
export function safetensors(tensors: Record<string, number[]>, dtype = 'F32'): Buffer {
  const header: Record<string, unknown> = {};
  const parts: Buffer[] = [];
  let at = 0;
  for (const [name, values] of Object.entries(tensors)) {
    const data = Buffer.from(Float32Array.from(values).buffer);
    header[name] = { dtype, shape: [values.length], data_offsets: [at, at + data.length] };
    parts.push(data);
    at += data.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, ...parts]);
}

export const ones = (n: number): number[] => new Array<number>(n).fill(1);
export const zeros = (n: number): number[] => new Array<number>(n).fill(0);

/** A small checkpoint folder of five whole files, as a trainer of one's own might write it. */
export async function writeCheckpoint(path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'adapter.safetensors'), safetensors({ a: ones(64), b: ones(64) }));
  await writeFile(join(path, 'moments.safetensors'), safetensors({ a: ones(64), b: ones(64) }));
  await writeFile(join(path, 'state.json'), JSON.stringify({ note: basename(path) }));
  await writeFile(join(path, 'config.json'), '{}');
  await writeFile(join(path, 'rng.bin'), Buffer.from([1, 2, 3]));
  return path;
}
