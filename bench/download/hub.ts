import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface BenchHub {
  readonly url: string;
  readonly sha256: string;
  /** Bytes of files handed to the network so far. */
  sent(): Promise<number>;
  close(): Promise<void>;
}

/** @param rate bytes a second for each connection; 0 for as fast as it goes. */
export async function startBenchHub(size: number, rate: number): Promise<BenchHub> {
  const file = fileURLToPath(new URL('./hub-process.js', import.meta.url));
  const child: ChildProcess = fork(file, [String(size), String(rate)]);
  const [said] = (await once(child, 'message')) as [{ url: string; sha256: string }];
  return {
    ...said,
    async sent() {
      child.send('sent?');
      const [answer] = (await once(child, 'message')) as [{ sent: number }];
      return answer.sent;
    },
    async close() {
      const closed = once(child, 'exit');
      child.disconnect();
      await closed;
    },
  };
}
