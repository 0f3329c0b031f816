import { ask } from './ask.js';
import { Fault } from './fault.js';
import type { Fingerprint } from './hasher.js';
import type { Session } from './session.js';

/** Where the bytes of a file can be asked for, for a while. */
export interface Address {
  readonly url: URL;
  /** On the Hub itself: a closed repo's token goes with each request. */
  readonly onHub: boolean;
  /** What the first answer from there called the content; every other must say the same. */
  etag: string | null;
}

/** The present address of one file. When it has expired, whoever finds out first has it renewed and
 * all others wait for that. */
export class Addresses {
  private present: Promise<Address> | null = null;

  constructor(
    private readonly session: Session,
    private readonly of: {
      readonly repo: string;
      readonly commit: string;
      readonly path: string;
      readonly size: number;
      readonly fingerprint: Fingerprint;
    },
  ) {}

  get(): Promise<Address> {
    if (this.present === null) {
      const asked = this.resolve();
      this.present = asked;
      asked.catch(() => {
        if (this.present === asked) this.present = null;
      });
    }
    return this.present;
  }

  /** That address no longer works. */
  async expired(address: Address): Promise<void> {
    const present = await this.present?.catch(() => null);
    if (present === address) this.present = null;
  }

  private async resolve(): Promise<Address> {
    const { session, of } = this;
    const path = of.path.split('/').map(encodeURIComponent).join('/');
    let url = new URL(`${session.endpoint}/${of.repo}/resolve/${of.commit}/${path}`);
    const hub = url.origin;
    for (let hops = 0; hops < 5; hops++) {
      const answer = await ask(session, of.repo, url, {
        method: 'HEAD',
        headers: { 'accept-encoding': 'identity' },
      });
      answer.resume();
      const { headers, statusCode = 0 } = answer;
      this.check(headers['x-linked-etag'] ?? (statusCode === 200 ? headers.etag : undefined));
      this.checkSize(headers['x-linked-size']);
      if (statusCode === 200) return { url, onHub: true, etag: null };
      const { location } = headers;
      if (statusCode < 300 || statusCode >= 400 || location === undefined)
        throw new Fault('server', `status ${statusCode} for ${url.pathname}`);
      url = new URL(location, url);
      if (url.origin !== hub) return { url, onHub: false, etag: null };
    }
    throw new Fault('server', `more than five redirects for ${of.path}`);
  }

  /** The Hub may not give another file under the commit that was planned with. */
  private check(etag: string | string[] | undefined): void {
    const given = String(etag ?? '').replace(/^W\/|"/g, '');
    if (given !== '' && given !== this.of.fingerprint.hex)
      throw new Fault('changed', `the Hub now gives another content for ${this.of.path}`);
  }

  private checkSize(size: string | string[] | undefined): void {
    if (size !== undefined && Number(size) !== this.of.size)
      throw new Fault('changed', `the Hub now gives another size for ${this.of.path}`);
  }
}
