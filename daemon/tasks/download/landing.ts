import type { Pen } from './pen.js';

/** A write for each packet would cost more than the network. */
const SIZE = 1 << 19;

/** Buffers that no range is using: fresh memory for each would cost more than filling it. */
const spare: Buffer[] = [];
const newBuffer = (): Buffer => spare.pop() ?? Buffer.allocUnsafeSlow(SIZE);

/** Where the bytes of one range come down: gathered in one buffer while others are being written. */
export class Landing {
  private filling = newBuffer();
  private filled = 0;
  private readonly full: Buffer[] = [];
  private writing: Promise<void> | null = null;

  /** @param onWritten called after each write with the place up to which this range is in the file. */
  constructor(
    private readonly pen: Pen,
    private at: number,
    private readonly onWritten: (upTo: number, bytes: number) => void,
  ) {}

  /** Copies a piece. Gives what to wait for before the next: a slow disk holds up the network. Pieces
   * that come all the same (a decrypted record or two) are kept too. */
  take(piece: Buffer): Promise<void> | null {
    for (let from = 0; from < piece.length; ) {
      const copied = piece.copy(this.filling, this.filled, from);
      from += copied;
      this.filled += copied;
      if (this.filled === SIZE) this.pass();
    }
    return this.full.length > 1 ? this.writing : null;
  }

  /** Writes what is left. Settles, with or without an error, when no write is under way: a late one
   * could land on what the next try wrote. The landing is of no use afterwards. */
  async finish(): Promise<void> {
    this.pass();
    await this.writing;
    spare.push(this.filling);
  }

  private pass(): void {
    this.full.push(this.filling.subarray(0, this.filled));
    this.filling = newBuffer();
    this.filled = 0;
    if (this.writing !== null) return;
    this.writing = this.drain();
    this.writing.catch(() => {}); // thrown by whoever waits for it
  }

  private async drain(): Promise<void> {
    for (let next = this.full[0]; next !== undefined; next = this.full[0]) {
      await this.pen.put(next, this.at);
      this.full.shift();
      this.at += next.length;
      spare.push(Buffer.from(next.buffer));
      if (next.length > 0) this.onWritten(this.at, next.length);
    }
    this.writing = null;
  }
}
