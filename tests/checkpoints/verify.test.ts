import { readdirSync } from 'node:fs';
import { mkdir, readFile, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type Verdict, verifyCheckpoint } from '../../trainer/checkpoints/index.js';
import {
  copyOf,
  DIFFUSERS,
  foundAt,
  KOHYA,
  ones,
  safetensors,
  temporary,
  writeCheckpoint,
} from './helpers.js';

const REAL = [
  { name: 'kohya state', fixture: KOHYA },
  { name: 'diffusers checkpoint', fixture: DIFFUSERS },
];
/** Absence of the file that old sd-scripts do not write is no fault. */
const OPTIONAL = ['train_state.json'];
const FILES = REAL.flatMap(({ fixture }) =>
  readdirSync(fixture).map((file) => ({ fixture, file, title: `${basename(fixture)}/${file}` })),
);

async function copied(fixture: string): Promise<string> {
  return copyOf(fixture, join(await temporary(), basename(fixture)));
}

function expectRefused(verdict: Verdict, file: string, kind: string): void {
  expect(verdict).toMatchObject({ ok: false, file, kind });
}

describe('real checkpoints', () => {
  test.each(REAL)('a whole $name is accepted, hashed and listed', async ({ fixture }) => {
    const path = await copied(fixture);
    const now = () => 1_700_000_000_900;
    const verdict = await verifyCheckpoint(await foundAt(path, 12), { maxStep: 12, now });
    if (!verdict.ok) throw new Error(`${verdict.file}: ${verdict.reason}`);
    const { manifest } = verdict;
    expect(manifest).toMatchObject({ v: 1, path, step: 12, verified_at: 1_700_000_000 });
    expect(manifest.files.map((f) => f.name)).toEqual(readdirSync(path).sort());
    for (const file of manifest.files) expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(manifest.bytes).toBe(manifest.files.reduce((sum, f) => sum + f.size, 0));
  });

  test.each(FILES)('$title cut at 0, 10, 50, 90, 99 % is refused by name', async (at) => {
    const path = await copied(at.fixture);
    const file = join(path, at.file);
    const whole = await readFile(file);
    for (const percent of [0, 10, 50, 90, 99]) {
      await writeFile(file, whole);
      await truncate(file, Math.floor((whole.length * percent) / 100));
      for (const hash of [false, true]) {
        const verdict = await verifyCheckpoint(await foundAt(path), { hash });
        expectRefused(verdict, at.file, percent === 0 ? 'empty' : 'torn');
      }
    }
  });

  test.each(FILES)('$title with its size and a zero tail is refused by name', async (at) => {
    const path = await copied(at.fixture);
    const file = join(path, at.file);
    const whole = await readFile(file);
    for (const percent of [0, 10, 50, 90]) {
      const from = Math.floor((whole.length * percent) / 100);
      await writeFile(file, Buffer.from(whole).fill(0, from));
      expectRefused(await verifyCheckpoint(await foundAt(path), { hash: false }), at.file, 'torn');
    }
  });

  test.each(FILES)('$title missing', async (at) => {
    const path = await copied(at.fixture);
    await rm(join(path, at.file));
    const verdict = await verifyCheckpoint(await foundAt(path));
    if (OPTIONAL.includes(at.file)) expect(verdict.ok).toBe(true);
    else expectRefused(verdict, at.file, 'missing');
  });

  test('a page lost in the middle of an archive is found by its checksums', async () => {
    const path = await copied(KOHYA);
    const file = join(path, 'optimizer.bin');
    const bytes = await readFile(file);
    // Inside one stored tensor, so that no header is touched and the structure stays whole.
    const at = bytes.indexOf('optimizer/data/1', bytes.length >> 1) + 200;
    bytes[at] = bytes[at]! ^ 0xff;
    await writeFile(file, bytes);
    expect((await verifyCheckpoint(await foundAt(path), { hash: false })).ok).toBe(true);
    const verdict = await verifyCheckpoint(await foundAt(path));
    expectRefused(verdict, 'optimizer.bin', 'torn');
    expect(verdict).toMatchObject({ reason: expect.stringMatching(/1 of \d+ entries/) });
  });

  test('random states older than train_state.json belong to an earlier save', async () => {
    const path = await copied(KOHYA);
    await utimes(join(path, 'train_state.json'), 1e9 + 60, 1e9 + 60);
    expectRefused(await verifyCheckpoint(await foundAt(path)), 'random_states_0.pkl', 'missing');
  });
});

describe('steps', () => {
  test.each([-1, 1.5, Number.NaN, 13])('step %s of at most 12 is implausible', async (step) => {
    const path = await copied(DIFFUSERS);
    const verdict = await verifyCheckpoint(await foundAt(path, step), { maxStep: 12 });
    expectRefused(verdict, 'checkpoint-12', 'implausible');
  });

  test('a step in a JSON file counts, current_step does not', async () => {
    const path = await writeCheckpoint(join(await temporary(), 'ckpt'));
    await writeFile(join(path, 'state.json'), '{"current_step": 9000, "step": 8}');
    expect((await verifyCheckpoint(await foundAt(path), { maxStep: 100 })).ok).toBe(true);
    await writeFile(join(path, 'state.json'), '{"step": 9000}');
    const verdict = await verifyCheckpoint(await foundAt(path), { maxStep: 100 });
    expectRefused(verdict, 'state.json', 'implausible');
  });
});

describe('other layouts and files', () => {
  test('a folder without files, and one that holds litter alone, are empty', async () => {
    const path = join(await temporary(), 'step-1');
    await mkdir(path);
    expectRefused(await verifyCheckpoint(await foundAt(path)), 'step-1', 'empty');
    await writeFile(join(path, '.tmpAbC123'), 'half a file');
    expectRefused(await verifyCheckpoint(await foundAt(path)), 'step-1', 'empty');
  });

  test('litter beside whole files and empty dot files are no fault', async () => {
    const path = await writeCheckpoint(join(await temporary(), 'step-1'));
    await writeFile(join(path, '.tmpAbC123'), '');
    await writeFile(join(path, '.guard'), '');
    const verdict = await verifyCheckpoint(await foundAt(path));
    expect(verdict.ok && verdict.manifest.files.length).toBe(5);
  });

  test('the reference trainer needs its three files', async () => {
    const path = join(await temporary(), 'step-20');
    await mkdir(path);
    await writeFile(join(path, 'lora.safetensors'), safetensors({ a: ones(8) }));
    await writeFile(join(path, 'train_state.json'), '{"step": 20}');
    expectRefused(await verifyCheckpoint(await foundAt(path)), 'optimizer.safetensors', 'missing');
    await writeFile(join(path, 'optimizer.safetensors'), safetensors({ a: ones(8) }));
    expect((await verifyCheckpoint(await foundAt(path))).ok).toBe(true);
  });

  test('a OneTrainer backup without meta.json would start at step 0', async () => {
    const name = '2026-01-02_03-04-05-backup-120-3-5';
    const path = await writeCheckpoint(join(await temporary(), name));
    expectRefused(await verifyCheckpoint(await foundAt(path)), 'meta.json', 'missing');
    await writeFile(join(path, 'meta.json'), '{}');
    expect((await verifyCheckpoint(await foundAt(path))).ok).toBe(true);
  });

  test('a shard that was promised is named', async () => {
    const path = join(await temporary(), 'step-1');
    await mkdir(path);
    await writeFile(join(path, 'model-00001-of-00002.safetensors'), safetensors({ a: ones(8) }));
    const verdict = await verifyCheckpoint(await foundAt(path));
    expectRefused(verdict, 'model-00002-of-00002.safetensors', 'missing');
  });

  test.each([
    ['pickle.pkl', Buffer.from('\x80\x04]\x94.', 'latin1'), true],
    ['pickle.pkl', Buffer.from('\x80\x04]\x94', 'latin1'), false],
    ['zeros.bin', Buffer.alloc(100), false],
    ['zeros.dat', Buffer.alloc(3 << 20), false],
    ['other.dat', Buffer.concat([Buffer.from('x'), Buffer.alloc(100)]), true],
    ['bad.json', Buffer.from('{"a": 1'), false],
    ['good.json', Buffer.from('[1, null]'), true],
  ])('one file, %s', async (name, bytes, ok) => {
    const path = join(await temporary(), name);
    await writeFile(path, bytes);
    expect(await verifyCheckpoint(await foundAt(path))).toMatchObject(
      ok ? { ok } : { ok, kind: 'torn', file: name },
    );
  });

  test('links are followed; a link to nothing is missing, inside and outside', async () => {
    const root = await temporary();
    const path = await writeCheckpoint(join(root, 'step-1'));
    await symlink(path, join(root, 'step-2'));
    expect((await verifyCheckpoint(await foundAt(join(root, 'step-2')))).ok).toBe(true);
    await symlink(join(root, 'nowhere'), join(path, 'more.bin'));
    expectRefused(await verifyCheckpoint(await foundAt(path)), 'more.bin', 'missing');
    await symlink(join(root, 'nowhere'), join(root, 'step-3'));
    const dead = { path: join(root, 'step-3'), step: 3, kind: 'file' as const, mtime_ms: 0 };
    expectRefused(await verifyCheckpoint(dead), 'step-3', 'missing');
  });
});

describe('a checkpoint that moves', () => {
  test('one that is gone is missing, under its own name', async () => {
    const gone = { path: '/nowhere/step-1', step: 1, kind: 'folder' as const, mtime_ms: 0 };
    expectRefused(await verifyCheckpoint(gone), 'step-1', 'missing');
  });

  test('one that changes while it is read is unstable, whatever was read', async () => {
    const path = await writeCheckpoint(join(await temporary(), 'step-1'));
    const target = join(path, 'rng.bin');
    const { open } = await import('node:fs/promises');
    let opened = 0;
    const meddling = async (file: string) => {
      opened += 1;
      if (opened === 7) await writeFile(target, 'another length');
      return open(file);
    };
    const verdict = await verifyCheckpoint(await foundAt(path), { open: meddling });
    expect(opened).toBe(10);
    expectRefused(verdict, 'rng.bin', 'unstable');
    await truncate(target, 0);
    const vanishing = async (file: string) => {
      await rm(target, { force: true });
      return open(file);
    };
    const second = await verifyCheckpoint(await foundAt(path), { open: vanishing, hash: true });
    expect(second.ok).toBe(false);
    expect(await stat(path).then((s) => s.isDirectory())).toBe(true);
    expect(second).toMatchObject({ kind: 'unstable' });
  });

  test('an abort ends it, even when a read never returns', async () => {
    const path = await writeCheckpoint(join(await temporary(), 'step-1'));
    const stop = new AbortController();
    const stalled = () => {
      stop.abort(new Error('enough'));
      return new Promise<never>(() => undefined);
    };
    await expect(
      verifyCheckpoint(await foundAt(path), { open: stalled, signal: stop.signal }),
    ).rejects.toThrow('enough');
  });
});
