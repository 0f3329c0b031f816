import { open } from 'node:fs/promises';

/** Read, and held in memory, at a time. */
const CHUNK = 1 << 20;

/**
 * A file as a Blob that is read as it is sent. The client's own (FileBlob) goes by Readable.toWeb,
 * which on Node 20 counts chunks as bytes: a gibibyte is in memory before the first of it is sent.
 * Each read opens the file anew, so that a request that breaks off leaves nothing open.
 */
export class DiskBlob extends Blob {
  declare readonly size: number;

  constructor(
    private readonly path: string,
    private readonly start: number,
    private readonly end: number,
  ) {
    super([]);
    // Blob's own is a getter that would say 0; to the compiler it is a property.
    Object.defineProperty(this, 'size', { value: end - start });
  }

  override slice(start = 0, end = this.size): DiskBlob {
    const from = Math.min(this.start + start, this.end);
    return new DiskBlob(this.path, from, Math.max(from, Math.min(this.start + end, this.end)));
  }

  override stream(): ReturnType<Blob['stream']> {
    let at = this.start;
    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> => {
      if (at < this.end) {
        const bytes = await this.read(at, Math.min(CHUNK, this.end - at));
        at += bytes.length;
        controller.enqueue(bytes);
      }
      if (at >= this.end) controller.close();
    };
    // Nothing is read before it is asked for.
    const stream = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
    return stream as ReturnType<Blob['stream']>;
  }

  override async arrayBuffer(): Promise<ArrayBuffer> {
    const whole = new Uint8Array(this.size);
    for (let at = 0; at < whole.length; ) {
      const bytes = await this.read(this.start + at, whole.length - at);
      whole.set(bytes, at);
      at += bytes.length;
    }
    return whole.buffer;
  }

  override async text(): Promise<string> {
    return Buffer.from(await this.arrayBuffer()).toString('utf8');
  }

  private async read(position: number, length: number): Promise<Uint8Array> {
    const file = await open(this.path, 'r');
    try {
      const bytes = new Uint8Array(length);
      const { bytesRead } = await file.read(bytes, 0, length, position);
      if (bytesRead === 0) throw new Error(`${this.path} became shorter while it was sent`);
      return bytes.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  }
}
