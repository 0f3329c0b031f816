import { statSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { createCheckpointStore } from '../../trainer/checkpoints/index.js';
import { foundAt, temporary, writeCheckpoint } from './helpers.js';

type Rename = (from: string, to: string) => Promise<void>;

async function setUp(move?: Rename) {
  const [root, state] = [await temporary(), await temporary()];
  const quarantineDir = join(state, 'quarantine');
  const store = createCheckpointStore({
    dir: join(state, 'checkpoints'),
    quarantineDir,
    now: () => 1_700_000_000_999,
    ...(move ? { rename: move } : {}),
  });
  const path = await writeCheckpoint(join(root, 'run', 'checkpoint-12'));
  return { root, quarantineDir, store, path, out: join(root, 'run') };
}

const NAME = 'checkpoint-12-1700000000-zero-tail';
const FILES = [
  'adapter.safetensors',
  'config.json',
  'moments.safetensors',
  'rng.bin',
  'state.json',
];

function failing(code: string, fails: (to: string) => boolean): Rename {
  return async (from, to) => {
    if (fails(to)) throw Object.assign(new Error(`${code}: rename`), { code });
    await rename(from, to);
  };
}

describe('quarantine', () => {
  test('moves a checkpoint out of its folder and says why', async () => {
    const { quarantineDir, store, path, out } = await setUp();
    const moved = await store.quarantine(await foundAt(path, 12), 'zero tail!');
    expect(moved).toEqual({
      path: join(quarantineDir, NAME),
      note: join(quarantineDir, `${NAME}.json`),
    });
    expect(await readdir(out)).toEqual([]);
    expect(await readdir(moved!.path)).toEqual(FILES);
    expect(JSON.parse(await readFile(moved!.note, 'utf8'))).toEqual({
      v: 1,
      from: path,
      to: moved!.path,
      step: 12,
      reason: 'zero tail!',
      time: 1_700_000_000,
    });
  });

  test('overwrites nothing: neither an earlier one nor a stray file or note of that name', async () => {
    const { quarantineDir, store, path } = await setUp();
    await mkdir(quarantineDir, { recursive: true });
    await writeFile(join(quarantineDir, NAME), 'stray');
    await writeFile(join(quarantineDir, `${NAME}-2.json`), 'note');
    const names: string[] = [];
    for (let i = 0; i < 2; i += 1) {
      await writeCheckpoint(path);
      const moved = await store.quarantine(await foundAt(path, 12), 'zero tail');
      names.push(basename(moved!.path));
    }
    expect(names).toEqual([`${NAME}-3`, `${NAME}-4`]);
    expect(await readFile(join(quarantineDir, NAME), 'utf8')).toBe('stray');
    expect(await readFile(join(quarantineDir, `${NAME}-2.json`), 'utf8')).toBe('note');
  });

  test('from another volume: beside the folder that holds the checkpoints', async () => {
    const exdev = failing('EXDEV', (to) => !to.includes('.nightwarden-quarantine'));
    const { root, quarantineDir, store, path } = await setUp(exdev);
    const moved = await store.quarantine(await foundAt(path, 12), 'zero tail');
    expect(moved?.path).toBe(join(root, '.nightwarden-quarantine', NAME));
    expect(await readdir(moved!.path)).toEqual(FILES);
    expect(await readdir(quarantineDir)).toEqual([]);
  });

  test('where no rename works between volumes: copied, then removed', async () => {
    const { quarantineDir, store, path, out } = await setUp(failing('EXDEV', () => true));
    const before = await readFile(join(path, 'adapter.safetensors'));
    const moved = await store.quarantine(await foundAt(path, 12), 'zero tail');
    expect(moved?.path).toBe(join(quarantineDir, NAME));
    expect((await readdir(quarantineDir)).sort()).toEqual([NAME, `${NAME}.json`]);
    expect(await readFile(join(moved!.path, 'adapter.safetensors'))).toEqual(before);
    expect(await readdir(out)).toEqual([]);
  });

  test('where nothing is allowed: an error that says what to do, the checkpoint untouched', async () => {
    const { quarantineDir, store, path } = await setUp(failing('EACCES', () => true));
    await expect(store.quarantine(await foundAt(path, 12), 'zero tail')).rejects.toThrow(
      /could not be moved .* grant access/,
    );
    expect(await readdir(path)).toEqual(FILES);
    expect(await readdir(quarantineDir)).toEqual([]);
  });

  const other = '/dev/shm';
  const shm = statSync(other, { throwIfNoEntry: false });
  const twoVolumes = shm !== undefined && shm.dev !== statSync(tmpdir()).dev;
  // Needs two real file systems; where the temporary folder is on the same one there is none.
  (twoVolumes ? test : test.skip)('a real second file system', async () => {
    const { store } = await setUp();
    const volume = await temporary(other);
    const path = join(volume, 'run', 'step-1.safetensors');
    await mkdir(join(volume, 'run'));
    await writeFile(path, 'torn');
    const moved = await store.quarantine(await foundAt(path, 1), 'torn');
    expect(moved?.path).toBe(
      join(volume, '.nightwarden-quarantine', 'step-1.safetensors-1700000000-torn'),
    );
    expect(await readFile(moved!.path, 'utf8')).toBe('torn');
  });
});
