import { Worker } from 'node:worker_threads';

export type Order =
  | { readonly do: 'watch' | 'forget'; readonly lineage: string }
  | { readonly do: 'end' };

export type Told =
  | { readonly is: 'two'; readonly lineage: string; readonly what: string }
  | { readonly is: 'looks'; readonly looks: number; readonly longestGap: number };

/**
 * Looks at every process of the machine all the time, for all runs at once, from a thread of its own.
 * It knows by the mark in the environment which attempt each process belongs to. Two attempts of one
 * job alive at the same instant are what must never be.
 */
export class Watchman {
  private readonly tell = new Map<string, (what: string) => void>();
  private readonly thread: Worker;

  constructor(entry = new URL('./watchman-thread.js', import.meta.url)) {
    this.thread = new Worker(entry);
    this.thread.on('message', (told: Told) => {
      if (told.is === 'two') this.tell.get(told.lineage)?.(told.what);
    });
  }

  /** `tell` is called for each look that finds processes of two attempts. Returns how to end it. */
  watch(lineage: string, tell: (what: string) => void): () => void {
    this.tell.set(lineage, tell);
    this.send({ do: 'watch', lineage });
    return () => {
      this.tell.delete(lineage);
      this.send({ do: 'forget', lineage });
    };
  }

  /** How often it looked, and the longest time between two looks in ms. */
  end(): Promise<{ looks: number; longestGap: number }> {
    return new Promise((resolve, reject) => {
      this.thread.once('error', reject);
      this.thread.on('message', (told: Told) => {
        if (told.is === 'looks') resolve(told);
      });
      this.send({ do: 'end' });
    });
  }

  private send(order: Order): void {
    this.thread.postMessage(order);
  }
}
