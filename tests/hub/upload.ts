import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, type Call, route } from './upload-api.js';
import { Faults } from './upload-faults.js';
import { LfsStore } from './upload-lfs.js';
import type { Repo } from './upload-repos.js';

/** Who a token belongs to and what it may do; `scoped` only where the role is fineGrained. */
export interface Account {
  readonly name: string;
  readonly role: 'read' | 'write' | 'fineGrained';
  readonly orgs?: readonly string[];
  readonly scoped?: readonly {
    readonly entity: { readonly type: string; readonly name: string };
    readonly permissions: readonly string[];
  }[];
}

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | null;
  /** Bytes of the body that arrived. */
  bytes: number;
  /** Null where no answer went out. */
  status: number | null;
}

/**
 * A Hub on loopback, as far as publishing goes: accounts, repositories, uploads whole and in parts,
 * commits, and what is there afterwards. Xet is left out, so the client takes plain HTTP.
 */
export class UploadHub {
  readonly accounts = new Map<string, Account>();
  readonly repos = new Map<string, Repo>();
  readonly faults = new Faults();
  readonly seen: Seen[] = [];
  /** Files whose paths match are stored with a byte changed. */
  corrupt: RegExp | null = null;
  readonly lfs: LfsStore;
  private readonly server: Server;

  private constructor(chunk: number) {
    this.lfs = new LfsStore(() => this.url, chunk);
    this.server = createServer((request, response) => void this.serve(request, response));
  }

  static async start({ chunk = 8 << 20 }: { chunk?: number } = {}): Promise<UploadHub> {
    const hub = new UploadHub(chunk);
    await new Promise<void>((resolve) => hub.server.listen(0, '127.0.0.1', resolve));
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** Requests that were answered, `METHOD /path` matched by the pattern. */
  requests(where: RegExp): Seen[] {
    return this.seen.filter(({ method, path }) => where.test(`${method} ${path}`));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request;
    const authorization = request.headers.authorization ?? null;
    const seen: Seen = { method, path: url, authorization, bytes: 0, status: null };
    this.seen.push(seen);
    const fault = this.faults.take(`${method} ${url}`);
    const body = await bodyOf(request, seen, fault?.is === 'cut' ? fault.after : null);
    if (body === null || fault?.is === 'hang') return;
    const { headers = {} } = fault?.is === 'answer' ? fault : {};
    const call: Call = { method, path: url, token: bearer(authorization), body };
    const answer: Answer =
      fault?.is === 'answer'
        ? { status: fault.status, headers, json: { error: `planned ${fault.status}` } }
        : route(this, call);
    if (fault?.is === 'swallow') return void request.socket.destroy();
    seen.status = answer.status;
    const text = answer.json === undefined ? '' : JSON.stringify(answer.json);
    response.writeHead(answer.status, {
      'content-type': 'application/json; charset=utf-8',
      'x-request-id': `r-${this.seen.length}`,
      ...answer.headers,
    });
    response.end(answer.content ?? text);
  }
}

/** Null when the connection was cut, by whomever. */
async function bodyOf(
  request: IncomingMessage,
  seen: Seen,
  cutAfter: number | null,
): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      seen.bytes += chunk.length;
      if (cutAfter !== null && seen.bytes >= cutAfter) {
        request.socket.destroy();
        return null;
      }
    }
  } catch {
    // The client went away in the middle; its request was never whole.
    return null;
  }
  return Buffer.concat(chunks);
}

function bearer(authorization: string | null): string | null {
  return /^Bearer (\S+)$/.exec(authorization ?? '')?.[1] ?? null;
}
