/** What all downloads of this process share: so many connections, so many bytes a second. */
export class Budget {
  private free: number;
  private readonly queue: (() => void)[] = [];
  private nextAt = 0;

  constructor(
    connections: number,
    private readonly bytesPerSecond: number,
  ) {
    this.free = connections;
  }

  /** Waits for a connection, first come first served; call what it gives to hand it back. */
  async connection(): Promise<() => void> {
    if (this.free > 0) this.free -= 1;
    else await new Promise<void>((resolve) => this.queue.push(resolve));
    let given = false;
    return () => {
      if (given) return;
      given = true;
      const next = this.queue.shift();
      if (next === undefined) this.free += 1;
      else next();
    };
  }

  /** Counts bytes that have come; gives how long to read no more, in milliseconds. */
  took(bytes: number): number {
    if (this.bytesPerSecond === 0) return 0;
    const now = performance.now();
    this.nextAt = Math.max(now, this.nextAt) + (1000 * bytes) / this.bytesPerSecond;
    return this.nextAt - now;
  }
}
