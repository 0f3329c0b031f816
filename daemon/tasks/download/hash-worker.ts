import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import type { HashWork } from './hasher.js';

// A thread of its own: at about 1 GB/s the hash of a large file would hold up everything else.
const { path, size, algorithm, prefix, shared } = workerData as HashWork;
const marks = new BigInt64Array(shared);
const hash = createHash(algorithm).update(prefix);
const buffer = Buffer.allocUnsafe(1 << 20);
const file = openSync(path, 'r');
try {
  for (let at = 0; at < size; ) {
    const available = Number(Atomics.load(marks, 0));
    if (available < 0) break; // called off
    if (at >= available) {
      Atomics.wait(marks, 0, BigInt(available));
      continue;
    }
    const read = readSync(file, buffer, 0, Math.min(buffer.length, available - at), at);
    if (read === 0) throw new Error(`${path} is shorter than it was when it was written`);
    hash.update(read === buffer.length ? buffer : buffer.subarray(0, read));
    at += read;
    Atomics.store(marks, 1, BigInt(at));
  }
} finally {
  closeSync(file);
}
parentPort?.postMessage(hash.digest('hex'));
