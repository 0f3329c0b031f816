import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Fault, FaultPlan } from './faults.js';
import type { HubFile } from './repos.js';
import { Throttle } from './throttle.js';

const PIECE = 1 << 18;

/** The side that serves bytes: signed addresses that expire, ranges, and everything that can go
 * wrong on the way. */
export class Cdn {
  origin = '';
  /** Bytes of each file handed to the network. */
  readonly sent = new Map<HubFile, number>();
  /** Requests for bytes so far, and the most of them that were answered at the same time. */
  requests = 0;
  mostAtOnce = 0;
  private atOnce = 0;
  faults: FaultPlan = () => null;
  /** Bytes a second for each connection; null for as fast as it goes. */
  rate: number | null = null;
  /** Requests that an address is good for. */
  uses = Number.POSITIVE_INFINITY;
  private readonly addresses = new Map<string, { file: HubFile; left: number }>();
  private readonly throttle = new Throttle();
  private readonly listeners = new Set<() => void>();

  sign(file: HubFile): string {
    const key = randomBytes(12).toString('hex');
    this.addresses.set(key, { file, left: this.uses });
    return `${this.origin}/xorbs/${encodeURIComponent(file.path)}?Signature=${key}`;
  }

  /** Every address given out so far is refused from now on. */
  expire(): void {
    this.addresses.clear();
  }

  get total(): number {
    return [...this.sent.values()].reduce((a, b) => a + b, 0);
  }

  /** Settles once that many bytes of all files together have been handed to the network. */
  sentAtLeast(bytes: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.total < bytes) return;
        this.listeners.delete(look);
        resolve();
      };
      this.listeners.add(look);
      look();
    });
  }

  async answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const address = this.addresses.get(url.searchParams.get('Signature') ?? '');
    if (request.headers.authorization !== undefined) {
      // The Hub's token must not travel to the origin that serves the bytes.
      response.writeHead(400).end('credentials were sent here');
      return;
    }
    if (address === undefined || address.left <= 0) {
      response.writeHead(403, { 'content-type': 'application/xml' });
      response.end(
        '<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
      );
      return;
    }
    address.left -= 1;
    await this.serve(address.file, request, response, { etag: `"${address.file.etag}"` });
  }

  async serve(
    file: HubFile,
    request: IncomingMessage,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { size } = file.content;
    const range = rangeOf(request.headers.range, size);
    if (range === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
      return;
    }
    const [start, end] = range ?? [0, size];
    if (request.method === 'HEAD') {
      response.writeHead(200, { ...headers, 'content-length': String(size) }).end();
      return;
    }
    this.requests += 1;
    const fault = this.faults({ file, nth: this.requests, start, end, ranged: range !== null });
    this.atOnce += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce);
    try {
      await this.body(file, { start, end, ranged: range !== null }, fault, response, headers);
    } finally {
      this.atOnce -= 1;
    }
  }

  private async body(
    asked: HubFile,
    part: { start: number; end: number; ranged: boolean },
    fault: Fault | null,
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    if (fault?.is === 'status') {
      const after = fault.retryAfter;
      response.writeHead(fault.status, after === undefined ? {} : { 'retry-after': String(after) });
      response.end('an error of the server');
      return;
    }
    const file = fault?.is === 'swapped' ? fault.file : asked;
    const shift = fault?.is === 'other_range' ? fault.by : 0;
    const entire = fault?.is === 'whole' || !part.ranged;
    const { size } = file.content;
    const start = entire ? 0 : Math.min(size - 1, part.start + shift);
    const end = entire ? size : Math.min(size, part.end + shift);
    const length = fault?.is === 'short' ? Math.min(fault.after, end - start) : end - start;
    const etag = fault?.is === 'swapped' && !fault.keepsEtag ? { etag: `"${file.etag}"` } : {};
    response.writeHead(entire ? 200 : 206, {
      ...headers,
      ...etag,
      'content-type': 'application/octet-stream',
      'content-length': String(length),
      ...(entire ? {} : { 'content-range': `bytes ${start}-${end - 1}/${size}` }),
    });
    await this.pour(asked, file, start, start + length, fault, response);
  }

  private async pour(
    asked: HubFile,
    file: HubFile,
    start: number,
    end: number,
    fault: Fault | null,
    response: ServerResponse,
  ): Promise<void> {
    const { socket } = response;
    const stop = fault?.is === 'cut' || fault?.is === 'stall' ? start + fault.after : end;
    for (let at = start; at < Math.min(stop, end); ) {
      if (response.destroyed || socket === null) return;
      const wanted = Math.min(PIECE, Math.min(stop, end) - at);
      if (this.rate !== null) await this.throttle.wait(socket, wanted, this.rate);
      let piece = file.content.read(at, wanted);
      if (fault?.is === 'flip') piece = flipped(piece, start + fault.at - at);
      at += piece.length;
      this.sent.set(asked, (this.sent.get(asked) ?? 0) + piece.length);
      for (const look of this.listeners) look();
      if (!response.write(piece) && !(await drained(response))) return;
    }
    if (stop >= end) response.end();
    // What was written before must arrive: the fault is at this byte and not somewhere before it.
    else if (fault?.is === 'cut') response.write('', () => socket?.destroySoon());
  }
}

function flipped(piece: Buffer, at: number): Buffer {
  if (at < 0 || at >= piece.length) return piece;
  const copy = Buffer.from(piece);
  copy[at]! ^= 1;
  return copy;
}

/** False when the connection is gone. */
async function drained(response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return false;
  const ends = new AbortController();
  const { signal } = ends;
  try {
    await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]);
  } finally {
    ends.abort();
  }
  return !response.destroyed;
}

function rangeOf(
  header: string | undefined,
  size: number,
): readonly [number, number] | 'unsatisfiable' | null {
  const match = /^bytes=(\d+)-(\d*)$/.exec(header ?? '');
  if (match === null) return null;
  const start = Number(match[1]);
  const end = match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  return start < end ? [start, end] : 'unsatisfiable';
}
