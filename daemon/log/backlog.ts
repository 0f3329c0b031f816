interface Chunk {
  readonly bytes: Buffer;
  readonly lines: number;
}

/**
 * Lines waiting for the disk, bounded: a volume that hangs all night must not eat the memory of the
 * process that watches over the training. When full the oldest go, since the newest tell why.
 */
export class Backlog {
  private chunks: Chunk[] = [];
  private size = 0;
  private lost = 0;

  constructor(private readonly limit: number) {}

  get empty(): boolean {
    return this.chunks.length === 0;
  }

  /** Bytes of the next chunk, 0 when there is none. */
  get next(): number {
    return this.chunks[0]?.bytes.length ?? 0;
  }

  push(line: string): void {
    this.chunks.push({ bytes: Buffer.from(line), lines: 1 });
    this.size += this.chunks.at(-1)?.bytes.length ?? 0;
    while (this.size > this.limit && this.chunks.length > 1) {
      const oldest = this.chunks.shift();
      this.size -= oldest?.bytes.length ?? 0;
      this.lost += oldest?.lines ?? 0;
    }
  }

  /** Lines that went since the last call. */
  takeLost(): number {
    const lost = this.lost;
    this.lost = 0;
    return lost;
  }

  /** The oldest chunks that fit into `room` bytes, but at least one. */
  take(room: number): Chunk {
    let bytes = 0;
    let count = 0;
    let lines = 0;
    for (const chunk of this.chunks) {
      if (count > 0 && bytes + chunk.bytes.length > room) break;
      bytes += chunk.bytes.length;
      lines += chunk.lines;
      count += 1;
    }
    const taken = this.chunks.slice(0, count);
    this.chunks = this.chunks.slice(count);
    this.size -= bytes;
    return { bytes: Buffer.concat(taken.map((chunk) => chunk.bytes)), lines };
  }

  /** Back to the front: the disk did not take it. */
  putBack(chunk: Chunk): void {
    this.chunks.unshift(chunk);
    this.size += chunk.bytes.length;
  }
}

export type { Chunk };
