import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Client, ours } from './clients.js';
import { type BenchHub, startBenchHub } from './hub.js';

const MIB = 2 ** 20;
const SIZE = 1024 * MIB;
const RATE = 4 * MIB;
/** At four, a piece of 4 MiB takes a second: kills fall into the middle of pieces. */
const CONNECTIONS = 4;
/** For what is left at the end. */
const MANY = 64;

/** Kills a download at random instants; gives what it cost, in bytes fetched again. */
export async function kills(count: number, parent: string) {
  const hub = await startBenchHub(SIZE, RATE);
  const folder = mkdtempSync(join(parent, 'nightwarden-kills-'));
  try {
    ours.prepare?.(folder);
    let done = 0;
    let hits = 0;
    for (; hits < count; hits++) {
      const child = start(ours, hub, folder, CONNECTIONS);
      const ended = once(child, 'close').then(() => 'ended' as const);
      // From before it has asked for anything to the middle of its pieces.
      const first = await Promise.race([delay(200 + Math.random() * 3300), ended]);
      child.kill('SIGKILL');
      await ended;
      if (first === 'ended') {
        done += 1;
        break;
      }
    }
    const last = start(ours, hub, folder, MANY);
    const [code] = (await once(last, 'close')) as [number];
    const digest = createHash('sha256')
      .update(readFileSync(join(folder, ours.file)))
      .digest('hex');
    const again = (await hub.sent()) - SIZE;
    return {
      kills: hits,
      finished_early: done > 0,
      code,
      right: digest === hub.sha256,
      again_mib: Math.round(again / MIB),
      in_flight_at_most_mib_per_kill: CONNECTIONS * 4,
      again_mib_per_kill: Number((again / MIB / Math.max(1, hits)).toFixed(1)),
    };
  } finally {
    await hub.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function start(client: Client, hub: BenchHub, folder: string, connections: number) {
  const [program = '', ...args] = client.argv(hub, folder);
  const env = {
    ...process.env,
    HF_ENDPOINT: hub.url,
    HF_HOME: join(folder, 'hf'),
    NIGHTWARDEN_DOWNLOAD__CONNECTIONS: String(connections),
  };
  return spawn(program, args, { env, stdio: 'ignore' });
}
