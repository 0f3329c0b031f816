import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LogFollower } from '../../trainer/heartbeat/index.js';
import { capLog, isAlive } from '../../trainer/process/index.js';
import { readStat, refOf } from '../../trainer/process/proc.js';
import { Ground, program, until, untilGone } from './attempt.js';

let ground: Ground;
beforeEach(() => {
  ground = new Ground();
});
afterEach(() => ground.clear());

const MIB = 1 << 20;
const LINE = /^line (\d+) of this output (\d+)$/;
const MARK = /^\[nightwarden: (\d+) bytes of output were dropped here\] *$/;

/** A writer of numbered lines that never pauses, and its end. */
async function writer() {
  const log = ground.path('trainer.log');
  const stop = ground.path('stop');
  const child = ground.spawn('python3', [program('numbers.py'), log, stop]);
  const ref = refOf(await until(() => readStat(child.pid!), 'the writer'));
  const end = async () => {
    writeFileSync(stop, '');
    await untilGone(ref);
  };
  const grown = (bytes: number) =>
    until(() => {
      expect(isAlive(ref)).toBe(true);
      return sizeOf(log) > bytes;
    }, 'the log to grow');
  return { log, end, grown };
}

const sizeOf = (file: string) => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

interface Kept {
  readonly head: number[];
  readonly tail: number[];
  readonly dropped: number;
  readonly last: number;
  readonly odd: string[];
}

/** The numbers before and after the mark, what the mark says, and lines that are none of these. */
function kept(log: string): Kept {
  const found = { head: [] as number[], tail: [] as number[], odd: [] as string[], dropped: -1 };
  let last = -1;
  for (const line of readFileSync(log, 'latin1').split('\n')) {
    const [, n, check] = LINE.exec(line) ?? [];
    const mark = MARK.exec(line)?.[1];
    const end = /^end (\d+)$/.exec(line)?.[1];
    if (n !== undefined && Number(n) * 7919 === Number(check))
      (found.dropped < 0 ? found.head : found.tail).push(Number(n));
    else if (mark !== undefined && found.dropped < 0) found.dropped = Number(mark);
    else if (end !== undefined) last = Number(end);
    else if (line !== '') found.odd.push(line);
  }
  return { ...found, last };
}

const isRun = (numbers: number[]) => numbers.every((n, i) => i === 0 || n === numbers[i - 1]! + 1);
const rises = (numbers: number[]) => numbers.every((n, i) => i === 0 || n > numbers[i - 1]!);

/** Caps the log of a running writer again and again; the bytes that went in all. */
async function capTwenty(
  { log, grown }: Awaited<ReturnType<typeof writer>>,
  collapse?: () => Promise<boolean>,
): Promise<number> {
  let dropped = 0;
  for (let capping = 0; capping < 20; capping += 1) {
    await grown(3.2 * MIB);
    const capped = await capLog(log, 2 * MIB, collapse);
    expect(capped?.from).toBe(MIB);
    dropped += capped?.dropped ?? 0;
  }
  return dropped;
}

describe('a log is capped twenty times while a trainer appends to it', () => {
  test('in place or by copying, whichever this file system can: head, mark and tail', async () => {
    const running = await writer();
    const dropped = await capTwenty(running);
    await running.end();
    const { head, tail, odd, last, ...mark } = kept(running.log);
    expect(odd).toEqual([]);
    expect(mark.dropped).toBe(dropped);
    expect(head[0]).toBe(1);
    expect(isRun(head)).toBe(true);
    expect(rises(tail)).toBe(true);
    expect(tail.at(-1)).toBe(last);
    expect(tail.length).toBeGreaterThan(10_000);
  });

  test('by copying: only whole lines at the cut are lost, none twice, none torn', async () => {
    const running = await writer();
    const dropped = await capTwenty(running, async () => false);
    await running.end();
    const { head, tail, odd, last, ...mark } = kept(running.log);
    expect(odd).toEqual([]);
    expect(mark.dropped).toBe(dropped);
    expect(head[0]).toBe(1);
    expect(isRun(head)).toBe(true);
    expect(rises(tail)).toBe(true);
    expect(tail.at(-1)).toBe(last);
    const gaps = tail.filter((n, i) => i > 0 && n !== tail[i - 1]! + 1).length;
    expect(gaps).toBeLessThanOrEqual(20);
  });
});

test('where ranges can be collapsed, nothing but the middle is lost', async () => {
  const running = await writer();
  await running.grown(5 * MIB);
  let collapsed = false;
  const { execFileSync } = await import('node:child_process');
  await capLog(running.log, 4 * MIB, async (path, offset, length) => {
    try {
      const range = ['--collapse-range', '-o', `${offset}`, '-l', `${length}`];
      execFileSync('fallocate', [...range, path], { stdio: 'ignore' });
      collapsed = true;
    } catch {
      // Not on this file system.
    }
    return collapsed;
  });
  await running.end();
  const { tail, odd, last } = kept(running.log);
  expect(odd).toEqual([]);
  expect(tail.at(-1)).toBe(last);
  // Copying may lose lines; collapsing must not.
  if (collapsed) expect(isRun(tail)).toBe(true);
});

describe('capping', () => {
  const log = () => ground.path('a.log');
  const text = (lines: number) =>
    Array.from({ length: lines }, (_, i) => `line ${i + 1} of this output ${(i + 1) * 7919}`).join(
      '\n',
    );

  test('leaves a log alone that is small enough', async () => {
    writeFileSync(log(), text(1000));
    expect(await capLog(log(), 4 * MIB)).toBeNull();
    expect(readFileSync(log(), 'utf8')).toBe(text(1000));
    await expect(capLog(ground.path('none.log'), 4 * MIB)).rejects.toThrow('ENOENT');
  });

  test('a collapse that failed but took place is not done twice', async () => {
    writeFileSync(log(), text(200_000));
    const size = sizeOf(log());
    const capped = await capLog(log(), 4 * MIB, async (path, offset, length) => {
      const bytes = readFileSync(path);
      writeFileSync(
        path,
        Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + length)]),
      );
      return false;
    });
    expect(sizeOf(log())).toBe(size - capped!.dropped);
    expect(kept(log())).toMatchObject({ odd: [], dropped: capped!.dropped });
  });

  test('an output without a line end anywhere keeps its end', async () => {
    writeFileSync(log(), 'x'.repeat(8 * MIB) + 'the end');
    const capped = await capLog(log(), 4 * MIB, async () => false);
    const left = readFileSync(log(), 'latin1');
    expect(left).toContain(`\n[nightwarden: ${capped!.dropped} bytes of output were dropped here]`);
    expect(left.endsWith('xthe end')).toBe(true);
    expect(left.length).toBe(8 * MIB + 7 - capped!.dropped);
  });

  test('a bar that is redrawn keeps its last states whole', async () => {
    const bars = Array.from({ length: 400_000 }, (_, i) => `\rbar ${i}/400000 [done]`).join('');
    writeFileSync(log(), bars);
    await capLog(log(), 4 * MIB, async () => false);
    const parts = readFileSync(log(), 'latin1').split(/[\r\n]+/);
    const odd = parts.filter((part) => !/^bar \d+\/400000 \[done\]$/.test(part) && part !== '');
    expect(odd.map((part) => MARK.test(part))).toEqual([true]);
    expect(parts.at(-1)).toBe('bar 399999/400000 [done]');
  });

  test('a follower that moves back by what was dropped reads each later line once', async () => {
    const all = text(300_000).split('\n');
    writeFileSync(log(), `${all.slice(0, 200_000).join('\n')}\n`);
    const pattern = {
      step: '^line (\\d+) of this output \\d+$',
      total: null,
      epoch: null,
      loss: null,
    };
    const follower = new LogFollower(log(), pattern);
    try {
      expect(await follower.poll()).toMatchObject({ step: 200_000 });
      const capped = await capLog(log(), 4 * MIB, async () => false);
      follower.moved(capped!.from, capped!.dropped);
      expect(await follower.poll()).toBeNull();
      const before = follower.tail();
      const { appendFileSync } = await import('node:fs');
      appendFileSync(log(), `${all.slice(200_000, 200_003).join('\n')}\n`);
      expect(await follower.poll()).toMatchObject({ step: 200_003 });
      expect(follower.tail()).toEqual([...before.slice(3), ...all.slice(200_000, 200_003)]);
    } finally {
      await follower.close();
    }
  });
});
