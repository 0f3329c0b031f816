import { spawn } from 'node:child_process';
import { readdir, readFile, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  acquireLock,
  type Holder,
  LockHeld,
  type LockOptions,
  processIdentity,
} from '../../daemon/journal/index.js';
import { folders } from './helpers/folder.js';

const folder = folders();
const me = processIdentity();
const take = (dir: string, extra: Partial<LockOptions> = {}) =>
  acquireLock({ dir, identity: me, now: () => 1_700_000_000, ...extra });
const refused = async (locking: Promise<unknown>): Promise<LockHeld> => {
  const error = await locking.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LockHeld);
  return error as LockHeld;
};
const fileOf = (dir: string) => join(dir, 'daemon.lock');
const named = async (dir: string) => JSON.parse(await readFile(fileOf(dir), 'utf8')) as Holder;

/** Leaves a lock file as another process would, touched `ageS` seconds ago. */
async function leave(dir: string, holder: Partial<Holder>, ageS = 0): Promise<Holder> {
  const whole = { ...me, since: 1_600_000_000, ...holder };
  await writeFile(fileOf(dir), JSON.stringify(whole));
  const { mtimeMs } = await stat(fileOf(dir));
  await utimes(fileOf(dir), mtimeMs / 1000 - ageS, mtimeMs / 1000 - ageS);
  return whole;
}

async function deadPid(): Promise<number> {
  const child = spawn('true');
  await new Promise((resolve) => child.once('exit', resolve));
  return child.pid as number;
}

const unavailable = { bind: async () => ({ is: 'unavailable', code: 'EPERM' }) as const };

// Both guards must come to the same verdicts on what a crash leaves behind.
describe.each([
  ['with the socket', {}],
  ['with the file alone', unavailable],
] as [string, Partial<LockOptions>][])('%s', (name, how) => {
  test('names the holder, refuses a second one and is free after release', async () => {
    const dir = await folder();
    const lock = await take(dir, { ...how, identity: { ...me, version: '0.1.0' } });
    expect(lock.by).toBe(name === 'with the socket' ? 'socket' : 'file');
    expect(await named(dir)).toEqual({ ...me, version: '0.1.0', since: 1_700_000_000 });
    const held = await refused(take(dir, how));
    expect(held.certain).toBe(true);
    expect(held.message).toContain(dir);
    if (name === 'with the file alone') expect(held.holder).toMatchObject(me);
    await lock.release();
    await lock.release();
    expect(await readdir(dir)).toEqual([]);
    await (await take(dir, how)).release();
  });

  test.each([
    ['a dead process', async () => ({ pid: await deadPid(), start_ticks: 1 })],
    ['a reused pid', async () => ({ pid: process.ppid, start_ticks: 1 })],
    ['another boot', async () => ({ boot_id: '00000000-0000-4000-8000-000000000000' })],
  ] as [string, () => Promise<Partial<Holder>>][])(
    'the file of %s is taken over at once, however fresh',
    async (_what, holder) => {
      const dir = await folder();
      await leave(dir, await holder());
      const lock = await take(dir, how);
      expect(await named(dir)).toMatchObject(me);
      await lock.release();
      expect(await readdir(dir)).toEqual([]);
    },
  );

  test.each(['', '{"pid":', 'null', '{"pid":1}', '[]'])(
    'a file that names nobody (%j) is taken over',
    async (text) => {
      const dir = await folder();
      await writeFile(fileOf(dir), text);
      const lock = await take(dir, how);
      expect(await named(dir)).toMatchObject(me);
      await lock.release();
    },
  );

  test('a living process of this host holds it, however old the file', async () => {
    const dir = await folder();
    const parent = processIdentity(process.ppid);
    if (parent === null) throw new Error('this process has no parent');
    const holder = await leave(dir, parent, 100_000);
    const held = await refused(take(dir, how));
    expect(held).toMatchObject({ holder, certain: true });
    expect(await readdir(dir)).toEqual(['daemon.lock']);
  });

  test('another host holds it while it touches the file, for a minute after', async () => {
    const dir = await folder();
    const holder = await leave(dir, { host: 'other-pod', boot_id: 'x' }, 50);
    expect(await refused(take(dir, how))).toMatchObject({ holder, certain: false });
    await leave(dir, { host: 'other-pod', boot_id: 'x' }, 70);
    const lock = await take(dir, how);
    expect(await named(dir)).toMatchObject(me);
    await lock.release();
  });
});

test('a folder by another name is the same folder', async () => {
  const dir = await folder();
  const alias = join(await folder(), 'alias');
  await symlink(dir, alias);
  const lock = await take(dir);
  await refused(take(alias));
  await lock.release();
});

test('our own file, left because the disk took no change, does not lock us out', async () => {
  const dir = await folder();
  await leave(dir, {});
  await (await take(dir)).release();
});

describe('the touch', () => {
  /** A lock whose touches happen when the test says so. */
  async function touched(dir: string, extra: Partial<LockOptions> = {}) {
    let touch = () => {};
    const lock = await take(dir, {
      every: (seconds, run) => {
        expect(seconds).toBe(15);
        touch = run;
        return () => {
          touch = () => {};
        };
      },
      ...extra,
    });
    return { lock, touch: () => touch() };
  }

  async function until(fits: () => Promise<boolean> | boolean): Promise<void> {
    while (!(await fits())) await new Promise((resolve) => setImmediate(resolve));
  }

  test('keeps the file fresh and writes it again when it was removed', async () => {
    const dir = await folder();
    const { lock, touch } = await touched(dir);
    await utimes(fileOf(dir), 1000, 1000);
    touch();
    await until(async () => (await stat(fileOf(dir))).mtimeMs > 1_000_000);
    await rm(fileOf(dir));
    touch();
    await until(async () => (await readdir(dir)).join() === 'daemon.lock');
    expect(await named(dir)).toMatchObject(me);
    await lock.release();
  });

  test('that fails is told and leaves the lock held', async () => {
    const dir = await folder();
    const { lock, touch } = await touched(dir);
    await rename(fileOf(dir), `${fileOf(dir)}.away`);
    await symlink('daemon.lock', fileOf(dir)); // Points at itself: ELOOP to whoever opens it.
    touch();
    await until(() => lock.fileTrouble !== null);
    expect(lock.fileTrouble).toBe('ELOOP');
    await rm(fileOf(dir));
    await refused(take(dir));
    touch();
    await until(() => lock.fileTrouble === null);
    await lock.release();
  });

  test('finds out that another machine has taken over, and leaves its file alone', async () => {
    const dir = await folder();
    let by: Holder | null | undefined;
    const { lock, touch } = await touched(dir, {
      onLost: (holder) => {
        by = holder;
      },
    });
    const other = await leave(dir, { host: 'other-pod' });
    touch();
    await until(() => by !== undefined);
    expect(by).toEqual(other);
    await lock.release();
    expect(await named(dir)).toEqual(other);
  });
});
