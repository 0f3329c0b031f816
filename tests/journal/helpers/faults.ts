import { type JournalFs, nodeFs, type Timer } from '../../../daemon/journal/index.js';

export type Call = keyof JournalFs;

export const refusal = (code: string): Error =>
  Object.assign(new Error(`${code}: injected`), { code });

/** The real file system with `before` run ahead of each call; what it returns replaces the call. */
export function intercepted(
  before: (call: Call, args: unknown[]) => Promise<unknown> | undefined,
): JournalFs {
  const calls = Object.keys(nodeFs) as Call[];
  const wrapped = calls.map((call) => [
    call,
    (...args: unknown[]) =>
      before(call, args) ?? (nodeFs[call] as (...args: unknown[]) => Promise<unknown>)(...args),
  ]);
  return Object.fromEntries(wrapped) as unknown as JournalFs;
}

/** Refuses the named calls with an errno while `code` is set. */
export class Refusing {
  code: string | null = null;
  /** Bytes of a refused write that still reach the file. */
  partial = 0;
  calls: Call[];
  readonly made: Call[] = [];
  readonly fs: JournalFs;

  constructor(calls: Call[] = ['write', 'datasync', 'open', 'truncate', 'rename', 'copy']) {
    this.calls = calls;
    this.fs = intercepted((call, args) => {
      this.made.push(call);
      if (this.code === null || !this.calls.includes(call)) return undefined;
      return this.refuse(call, args, this.code);
    });
  }

  private async refuse(call: Call, args: unknown[], code: string): Promise<never> {
    if (call === 'write' && this.partial > 0) {
      const [fd, bytes, position] = args as [number, Uint8Array, number];
      await nodeFs.write(fd, bytes.subarray(0, this.partial), position);
    }
    throw refusal(code);
  }
}

/**
 * Lets `most` calls through; the next one is cut short or not made, and no call returns any more.
 * `stopped` comes when those let through have ended: a process that is killed keeps its lock until the
 * calls that its threads are in are over, so that nobody reads while one of them still writes.
 */
export function stoppingAfter(most: number): { fs: JournalFs; stopped: Promise<void> } {
  let left = most;
  let tell = () => {};
  const stopped = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const never = new Promise<never>(() => {});
  const underWay = new Set<Promise<unknown>>();
  const made = (call: Call, args: unknown[]): Promise<unknown> => {
    const running = (nodeFs[call] as (...args: unknown[]) => Promise<unknown>)(...args);
    const end = (): void => void underWay.delete(over);
    const over: Promise<void> = running.then(end, end);
    underWay.add(over);
    return running;
  };
  const fs = intercepted((call, args) => {
    left -= 1;
    if (left >= 0) return made(call, args);
    if (left < -1) return never;
    if (call === 'write') {
      const [fd, bytes, position] = args as [number, Uint8Array, number];
      void made('write', [fd, bytes.subarray(0, bytes.length >> 1), position]);
    }
    void Promise.all(underWay).then(() => tell());
    return never;
  });
  return { fs, stopped };
}

/** A timer that fires when the test says so. */
export class ManualTimer {
  private waiting: (() => void)[] = [];

  readonly timer: Timer = (_ms, run) => {
    this.waiting.push(run);
    return () => {
      this.waiting = this.waiting.filter((other) => other !== run);
    };
  };

  get armed(): number {
    return this.waiting.length;
  }

  fire(): void {
    for (const run of this.waiting.splice(0)) run();
  }
}
