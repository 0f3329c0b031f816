import { createHash } from 'node:crypto';
import { createReadStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { parseBytes } from '../../config/index.js';
import { aria2, aria2Synced, type Client, library, ours, time } from './clients.js';
import { startBenchHub } from './hub.js';
import { kills } from './kills.js';

// Downloads over a loopback Hub, ours beside others. `--size 2GiB`, `--rate 40MB` (each connection),
// `--in FOLDER`, or `--kills 50` for SIGKILL at random instants instead.

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '2GiB' },
    rate: { type: 'string', default: '40MB' },
    in: { type: 'string', default: tmpdir() },
    kills: { type: 'string' },
    only: { type: 'string' },
  },
});
const size = parseBytes(values.size);
const rate = parseBytes(values.rate);
if (size === null || rate === null) throw new Error('sizes are written as 2GiB, rates as 40MB');

async function measure(client: Client, limit: number): Promise<number> {
  const hub = await startBenchHub(size as number, limit);
  const folder = mkdtempSync(join(values.in, 'nightwarden-download-bench-'));
  try {
    const { seconds, cpu } = await time(client, hub, folder);
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, client.file)), hash);
    if (hash.digest('hex') !== hub.sha256) throw new Error(`${client.name}: a wrong file`);
    const speed = (size as number) / seconds / 1e6;
    const how = limit === 0 ? 'unthrottled' : `${limit / 1e6} MB/s a connection`;
    console.log(
      `${how.padEnd(24)} ${client.name.padEnd(42)} ${seconds.toFixed(2).padStart(7)} s ${speed.toFixed(0).padStart(6)} MB/s  CPU ${cpu.toFixed(2)} s`,
    );
    return seconds;
  } finally {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (values.kills !== undefined) {
  console.log(JSON.stringify(await kills(Number(values.kills), values.in)));
} else {
  const wanted = (which: string) => values.only === undefined || values.only === which;
  if (wanted('throttled')) {
    const mine = await measure(ours, rate);
    const theirs = await measure(aria2, rate);
    const synced = await measure(aria2Synced, rate);
    const plain = await measure(library, rate);
    const [a, b, c] = [theirs, synced, plain].map((seconds) => (seconds / mine).toFixed(2));
    console.log(`throttled: ${a} x aria2c, ${b} x aria2c and sync, ${c} x downloadFile`);
  }
  if (wanted('unthrottled')) {
    const mine = await measure(ours, 0);
    const theirs = await measure(aria2, 0);
    const synced = await measure(aria2Synced, 0);
    const [a, b] = [theirs, synced].map((seconds) => (seconds / mine).toFixed(2));
    console.log(`unthrottled, ours with hash: ${a} x aria2c, ${b} x aria2c and sync`);
  }
}
