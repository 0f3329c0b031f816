import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { packageRoot } from '../../../config/index.js';

/** What a file's content is called: a SHA-256, or for small files git's own name of it. */
export interface Fingerprint {
  readonly kind: 'sha256' | 'git';
  readonly hex: string;
}

export interface HashWork {
  readonly path: string;
  readonly size: number;
  readonly algorithm: string;
  /** Hashed before the first byte of the file. */
  readonly prefix: string;
  /** Two 64-bit numbers: bytes that may be read (negative to call it off), and bytes hashed. */
  readonly shared: SharedArrayBuffer;
}

/** Hashes a file while it grows, so that its end is also the end of the hashing. */
export interface Hasher {
  /** So many bytes from the start are there. */
  available(bytes: number): void;
  /** The digest in hexadecimal, once all bytes are there. Rejects when the file cannot be read. */
  readonly digest: Promise<string>;
  hashed(): number;
  /** Ends it early; `digest` then means nothing. */
  close(): Promise<void>;
}

/** Below this a thread costs more than the hash. */
const SMALL = 8 * 2 ** 20;

export function startHasher(path: string, size: number, kind: Fingerprint['kind']): Hasher {
  const algorithm = kind === 'git' ? 'sha1' : 'sha256';
  // gitformat-loose(5): the name of a blob is the SHA-1 over this header and its bytes.
  const prefix = kind === 'git' ? `blob ${size}\0` : '';
  const shared = new SharedArrayBuffer(16);
  const work: HashWork = { path, size, algorithm, prefix, shared };
  return size <= SMALL ? hashAtTheEnd(work) : hashInThread(work);
}

/** The digest of a file that is there as a whole. */
export async function hashFile(
  path: string,
  size: number,
  kind: Fingerprint['kind'],
  signal: AbortSignal,
): Promise<string> {
  const hasher = startHasher(path, size, kind);
  const end = () => void hasher.close();
  signal.addEventListener('abort', end, { once: true });
  try {
    hasher.available(size);
    const digest = await hasher.digest;
    signal.throwIfAborted();
    return digest;
  } finally {
    signal.removeEventListener('abort', end);
    await hasher.close();
  }
}

function hashInThread(work: HashWork): Hasher {
  const marks = new BigInt64Array(work.shared);
  const say = (bytes: number) => {
    // A wake-up is a system call, and most writes add nothing to the piece without a gap.
    if (Atomics.load(marks, 0) === BigInt(bytes)) return;
    Atomics.store(marks, 0, BigInt(bytes));
    Atomics.notify(marks, 0);
  };
  // Always the compiled one: a thread is started by Node itself, which knows no TypeScript.
  const file = join(packageRoot(), 'dist/daemon/tasks/download/hash-worker.js');
  const worker = new Worker(file, { workerData: work });
  const digest = new Promise<string>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the hashing thread ended early')));
  });
  digest.catch(() => {}); // it may fail before anyone waits for it
  return {
    available: say,
    digest,
    hashed: () => Number(Atomics.load(marks, 1)),
    async close() {
      say(-1);
      await worker.terminate();
    },
  };
}

function hashAtTheEnd({ path, size, algorithm, prefix }: HashWork): Hasher {
  let done: (digest: string) => void = () => {};
  let failed: (error: unknown) => void = () => {};
  const digest = new Promise<string>((resolve, reject) => {
    done = resolve;
    failed = reject;
  });
  digest.catch(() => {});
  let started = false;
  return {
    available(bytes) {
      if (bytes < size || started) return;
      started = true;
      wholeOf(path, size).then(
        (content) => done(createHash(algorithm).update(prefix).update(content).digest('hex')),
        failed,
      );
    },
    digest,
    hashed: () => 0,
    close: async () => {},
  };
}

async function wholeOf(path: string, size: number): Promise<Buffer> {
  const handle = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(size);
    const { bytesRead } = await handle.read(buffer, 0, size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}
