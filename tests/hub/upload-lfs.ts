import { randomBytes } from 'node:crypto';
import { sha256 } from './upload-repos.js';

export interface Wanted {
  readonly oid: string;
  readonly size: number;
}

interface Multipart {
  readonly oid: string;
  readonly size: number;
  readonly parts: Map<number, Buffer>;
}

/** The storage behind a Hub: signed addresses, whole or in parts, kept by sha256. */
export class LfsStore {
  readonly objects = new Map<string, Buffer>();
  private readonly single = new Map<string, Wanted>();
  private readonly multipart = new Map<string, Multipart>();

  constructor(
    private readonly base: () => string,
    /** Objects beyond this many bytes are sent in parts of this size. */
    private readonly chunk: number,
  ) {}

  /** The answer to a batch request; what is there already gets no actions. */
  batch(wanted: readonly Wanted[]): object {
    return { transfer: 'basic', objects: wanted.map((object) => this.action(object)) };
  }

  private action({ oid, size }: Wanted): object {
    if (this.objects.has(oid)) return { oid, size };
    const key = randomBytes(8).toString('hex');
    if (size <= this.chunk) {
      this.single.set(key, { oid, size });
      return { oid, size, actions: { upload: { href: `${this.base()}/lfs/${key}` } } };
    }
    this.multipart.set(key, { oid, size, parts: new Map() });
    const header: Record<string, string> = { chunk_size: String(this.chunk) };
    for (let n = 1; n <= Math.ceil(size / this.chunk); n += 1)
      header[String(n).padStart(5, '0')] = `${this.base()}/lfs/${key}/${n}`;
    return { oid, size, actions: { upload: { href: `${this.base()}/lfs/${key}`, header } } };
  }

  /** PUT of a whole object: the status. A body that is not what was announced is refused, as by S3. */
  put(key: string, body: Buffer): number {
    const wanted = this.single.get(key);
    if (wanted === undefined) return 403;
    if (sha256(body) !== wanted.oid) return 400;
    this.objects.set(wanted.oid, body);
    return 200;
  }

  /** PUT of a part: its ETag, or null for an address that was never given. */
  putPart(key: string, n: number, body: Buffer): string | null {
    const upload = this.multipart.get(key);
    if (upload === undefined) return null;
    upload.parts.set(n, body);
    return `"${sha256(body).slice(0, 32)}"`;
  }

  complete(key: string, parts: readonly { etag: string; partNumber: number }[]): number {
    const upload = this.multipart.get(key);
    if (upload === undefined) return 404;
    const pieces = [...parts]
      .sort((a, b) => a.partNumber - b.partNumber)
      .map(({ partNumber }) => partNumber);
    const body = Buffer.concat(pieces.map((n) => upload.parts.get(n) ?? Buffer.alloc(0)));
    if (sha256(body) !== upload.oid) return 400;
    this.objects.set(upload.oid, body);
    return 200;
  }
}
