import {
  open as openReal,
  readdir,
  readFile,
  rm,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  type CheckpointStoreOptions,
  createCheckpointStore,
  type OpenFile,
} from '../../trainer/checkpoints/index.js';
import { beforeRemoval, temporary, writeCheckpoint } from './helpers.js';

const spec = { glob: 'step-*', step: 'step-(\\d+)' };

/** A trainer's folder, a store over it, a clock that is turned by hand, and a count of reads. */
async function setUp(options: Partial<CheckpointStoreOptions> = {}) {
  const [cwd, state] = [await temporary(), await temporary()];
  const clock = { ms: 1_700_000_000_000 };
  const reads: string[] = [];
  const open: OpenFile = async (path) => {
    reads.push(path);
    return openReal(path, 'r');
  };
  const create = () => {
    const store = createCheckpointStore({
      dir: join(state, 'checkpoints'),
      quarantineDir: join(state, 'quarantine'),
      now: () => clock.ms,
      open,
      ...options,
    });
    beforeRemoval(() => store.flush());
    return store;
  };
  return { cwd, state, clock, reads, create, store: create() };
}

describe('scan', () => {
  test('a checkpoint is verified when two looks a second apart saw the same', async () => {
    const { cwd, clock, store, reads } = await setUp();
    const path = await writeCheckpoint(join(cwd, 'step-1'));
    expect(await store.scan(spec, cwd)).toEqual({ verified: [], bad: [], problems: [] });
    clock.ms += 999;
    expect((await store.scan(spec, cwd)).verified).toEqual([]);
    await writeFile(join(path, 'config.json'), '{"still": "written"}');
    clock.ms += 1000;
    expect((await store.scan(spec, cwd)).verified).toEqual([]);
    expect(reads).toEqual([]);
    clock.ms += 1000;
    const { verified } = await store.scan(spec, cwd);
    expect(verified).toMatchObject([{ path, step: 1, kind: 'folder', hashed: true }]);
    expect(await store.best()).toEqual(verified[0]);
    expect((await store.scan(spec, cwd)).verified).toEqual([]);
  });

  test('nothing is read twice, not by a later daemon either, until it changes', async () => {
    const { cwd, clock, store, reads, create } = await setUp();
    const good = await writeCheckpoint(join(cwd, 'step-1'));
    const torn = await writeCheckpoint(join(cwd, 'step-2'));
    await truncate(join(torn, 'rng.bin'), 0);
    const first = await store.scan(spec, cwd, { trainerDead: true });
    expect(first.verified.map((c) => c.step)).toEqual([1]);
    expect(first.bad).toMatchObject([
      { found: { path: torn, step: 2 }, verdict: { file: 'rng.bin', kind: 'empty' } },
    ]);
    reads.length = 0;
    const later = create();
    for (const each of [store, later]) {
      clock.ms += 60_000;
      expect(await each.scan(spec, cwd)).toEqual({ verified: [], bad: [], problems: [] });
      expect((await each.best())?.path).toBe(good);
      const choice = await each.chooseNewest({ spec, cwd, trainerDead: true });
      expect(choice).toMatchObject({ choice: { path: good }, bad: [] });
    }
    expect(reads).toEqual([]);
    await writeFile(join(torn, 'rng.bin'), 'whole again');
    const again = await later.scan(spec, cwd, { trainerDead: true });
    expect(again.verified.map((c) => c.step)).toEqual([2]);
    expect((await later.best())?.path).toBe(torn);
  });

  test('while the trainer lives, a bad one is reported only after a longer rest, read once', async () => {
    const { cwd, clock, store, reads } = await setUp();
    const torn = await writeCheckpoint(join(cwd, 'step-2'));
    await truncate(join(torn, 'adapter.safetensors'), 100);
    await store.scan(spec, cwd);
    clock.ms += 1000;
    expect((await store.scan(spec, cwd)).bad).toEqual([]);
    const read = reads.length;
    expect(read).toBeGreaterThan(0);
    clock.ms += 28_999;
    expect((await store.scan(spec, cwd)).bad).toEqual([]);
    clock.ms += 1;
    expect((await store.scan(spec, cwd)).bad).toHaveLength(1);
    expect(reads).toHaveLength(read);
    expect((await store.scan(spec, cwd)).bad).toEqual([]);
  });

  test('a stalled save that goes on was never called bad', async () => {
    const { cwd, clock, store } = await setUp();
    const path = await writeCheckpoint(join(cwd, 'step-2'));
    const whole = await readFile(join(path, 'adapter.safetensors'));
    await truncate(join(path, 'adapter.safetensors'), 100);
    await store.scan(spec, cwd);
    clock.ms += 20_000;
    expect((await store.scan(spec, cwd)).bad).toEqual([]);
    await writeFile(join(path, 'adapter.safetensors'), whole);
    await store.scan(spec, cwd);
    clock.ms += 20_000;
    expect(await store.scan(spec, cwd)).toMatchObject({ verified: [{ step: 2 }], bad: [] });
  });

  test('a step beyond the end is refused until the end is moved', async () => {
    const { cwd, store } = await setUp();
    await writeCheckpoint(join(cwd, 'step-900'));
    const look = { trainerDead: true, maxStep: 500 };
    expect((await store.scan(spec, cwd, look)).bad).toMatchObject([
      { verdict: { kind: 'implausible', file: 'step-900' } },
    ]);
    expect((await store.scan(spec, cwd, look)).bad).toEqual([]);
    const moved = await store.scan(spec, cwd, { ...look, maxStep: 1000 });
    expect(moved.verified.map((c) => c.step)).toEqual([900]);
  });

  test('a checkpoint removed by the trainer is forgotten, its record too', async () => {
    const { cwd, state, store } = await setUp();
    const path = await writeCheckpoint(join(cwd, 'step-1'));
    await store.scan(spec, cwd, { trainerDead: true });
    expect(await readdir(join(state, 'checkpoints'))).toEqual([
      expect.stringMatching(/^000000001-[0-9a-f]{12}\.json$/),
    ]);
    await rm(path, { recursive: true });
    expect(await store.best()).toBeNull();
    await store.scan(spec, cwd);
    expect(await readdir(join(state, 'checkpoints'))).toEqual([]);
  });

  test('one that goes away between being found and being verified is no error', async () => {
    const { cwd, create } = await setUp();
    const path = await writeCheckpoint(join(cwd, 'step-1'));
    const open: OpenFile = async (file) => {
      await rm(path, { recursive: true, force: true });
      return openReal(file, 'r');
    };
    const { state, clock } = await setUp();
    const store = createCheckpointStore({
      dir: state,
      quarantineDir: state,
      now: () => clock.ms,
      open,
    });
    const nothing = { verified: [], bad: [], problems: [] };
    expect(await store.scan(spec, cwd, { trainerDead: true })).toEqual(nothing);
    expect(await create().chooseNewest({ spec, cwd, trainerDead: true })).toEqual({
      ...nothing,
      choice: null,
    });
  });

  test('a record that does not parse costs a verification and is said', async () => {
    const { cwd, state, store, create } = await setUp();
    await writeCheckpoint(join(cwd, 'step-1'));
    await store.scan(spec, cwd, { trainerDead: true });
    const [name] = await readdir(join(state, 'checkpoints'));
    await writeFile(join(state, 'checkpoints', name!), '{"v": 1, "verd');
    const result = await create().scan(spec, cwd, { trainerDead: true });
    expect(result.verified).toHaveLength(1);
    expect(result.problems.map((p) => p.path)).toEqual([join(state, 'checkpoints', name!)]);
  });

  test('one that cannot be read hides no other', async () => {
    const { cwd, create } = await setUp({
      open: async (path) => {
        if (path.includes('step-2')) throw Object.assign(new Error('i/o error'), { code: 'EIO' });
        return openReal(path, 'r');
      },
    });
    await writeCheckpoint(join(cwd, 'step-1'));
    await writeCheckpoint(join(cwd, 'step-2'));
    const result = await create().chooseNewest({ spec, cwd, trainerDead: true });
    expect(result).toMatchObject({ choice: { step: 1 }, bad: [] });
    expect(result.problems).toMatchObject([{ path: join(cwd, 'step-2') }]);
  });

  test('an abort ends a scan that a dead volume holds up; the next one goes on', async () => {
    const stop = new AbortController();
    let stalled = true;
    const { cwd, store } = await setUp({
      open: (path) => {
        if (!stalled) return openReal(path, 'r');
        stop.abort(new Error('too long'));
        return new Promise<never>(() => undefined);
      },
    });
    await writeCheckpoint(join(cwd, 'step-1'));
    const look = { trainerDead: true, signal: stop.signal };
    await expect(store.scan(spec, cwd, look)).rejects.toThrow('too long');
    stalled = false;
    expect((await store.scan(spec, cwd, { trainerDead: true })).verified).toHaveLength(1);
  });
});

describe('choosing', () => {
  test('the newest torn: the older is chosen, the torn one reported once', async () => {
    const { cwd, store } = await setUp();
    for (const step of [1, 2, 3]) await writeCheckpoint(join(cwd, `step-${step}`));
    await store.scan(spec, cwd, { trainerDead: true });
    await truncate(join(cwd, 'step-3', 'adapter.safetensors'), 50);
    expect((await store.best())?.step).toBe(2);
    const first = await store.chooseNewest({ spec, cwd, trainerDead: true });
    expect(first).toMatchObject({ choice: { step: 2 }, bad: [{ found: { step: 3 } }] });
    const second = await store.chooseNewest({ spec, cwd, trainerDead: true });
    expect(second).toMatchObject({ choice: { step: 2 }, bad: [] });
  });

  test('a newer one is verified on the spot by its structure, hashed by the next scan', async () => {
    const { cwd, state, store } = await setUp();
    await writeCheckpoint(join(cwd, 'step-1'));
    await store.scan(spec, cwd, { trainerDead: true });
    await writeCheckpoint(join(cwd, 'step-2'));
    expect((await store.chooseNewest({ spec, cwd })).choice?.step).toBe(1);
    const { choice, verified } = await store.chooseNewest({ spec, cwd, trainerDead: true });
    expect(choice).toMatchObject({ step: 2, hashed: false });
    expect(verified).toEqual([choice]);
    expect((await store.scan(spec, cwd)).verified).toEqual([]);
    expect(await store.best()).toMatchObject({ step: 2, hashed: true });
    expect(await readdir(join(state, 'checkpoints'))).toHaveLength(2);
  });

  test('only those before a step, for the fall back behind a NaN', async () => {
    const { cwd, store } = await setUp();
    for (const step of [10, 20, 30]) await writeCheckpoint(join(cwd, `step-${step}`));
    const options = { spec, cwd, trainerDead: true, olderThanStep: 30 };
    expect((await store.chooseNewest(options)).choice?.step).toBe(20);
    expect((await store.best({ olderThanStep: 20 }))?.step).toBeUndefined();
    await store.scan(spec, cwd, { trainerDead: true });
    expect((await store.best({ olderThanStep: 20 }))?.step).toBe(10);
  });

  test('touching a verified checkpoint voids the verdict', async () => {
    const { cwd, store } = await setUp();
    const path = await writeCheckpoint(join(cwd, 'step-1'));
    await store.scan(spec, cwd, { trainerDead: true });
    await utimes(join(path, 'rng.bin'), 1, 1);
    expect(await store.best()).toBeNull();
  });

  test('a torn one is moved away and chosen no more', async () => {
    const { cwd, state, store } = await setUp();
    const path = await writeCheckpoint(join(cwd, 'step-1'));
    await rm(join(path, 'rng.bin'));
    await writeFile(join(path, 'rng.bin'), '');
    const { bad } = await store.chooseNewest({ spec, cwd, trainerDead: true });
    const moved = await store.quarantine(bad[0]!.found, bad[0]!.verdict.reason);
    expect(moved?.path).toBe(join(state, 'quarantine', 'step-1-1700000000-has-no-bytes'));
    expect(await readdir(cwd)).toEqual([]);
    expect(await store.flush()).toEqual([]);
    expect(await readdir(join(state, 'checkpoints'))).toEqual([]);
    expect(await store.quarantine(bad[0]!.found, 'again')).toBeNull();
  });
});
