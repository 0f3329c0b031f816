import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes a second for each connection by itself, as a content network does it: requests that follow
 * one another on a connection share its allowance. */
export class Throttle {
  private readonly free = new WeakMap<Socket, number>();

  /** Waits until `bytes` more may go over this connection. */
  async wait(socket: Socket, bytes: number, rate: number): Promise<void> {
    const now = performance.now();
    const from = Math.max(now - BURST_MS, this.free.get(socket) ?? now);
    this.free.set(socket, from + (1000 * bytes) / rate);
    if (from > now) await delay(from - now);
  }
}

/** What a connection did not use while its server was busy elsewhere, it may make up for. */
const BURST_MS = 50;
