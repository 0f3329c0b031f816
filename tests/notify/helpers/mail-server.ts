import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { type Certificate, selfSigned } from './certificate.js';

/** A mail as the server took it. */
export interface Arrived {
  readonly from: string;
  readonly to: readonly string[];
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
  readonly secure: boolean;
  readonly user: string | null;
}

export type Refusal = { code: number; text: string };

export interface Behaviour {
  /** 0 takes any free one; another, the port of a server that is to come back. */
  readonly port?: number;
  /** TLS from the first byte. */
  readonly secure?: boolean;
  readonly starttls?: boolean;
  /** With it, nobody sends without logging in. */
  readonly account?: { user: string; pass: string };
  /** The answer to a recipient; null takes it. */
  readonly recipient?: (address: string) => Refusal | null;
  /** The answer to the mail; null takes it. Awaited, so that it may be held back. */
  readonly message?: (mail: Arrived) => Promise<Refusal | null> | Refusal | null;
}

let certificate: Certificate | null = null;

/** One for all servers of a test file. */
export function ours(): Certificate {
  certificate ??= selfSigned();
  return certificate;
}

/** A real SMTP server on loopback that remembers what it took. */
export class MailServer {
  readonly mails: Arrived[] = [];
  /** Connections ever made, and logins tried. */
  connections = 0;
  logins = 0;
  private waiting: (() => void)[] = [];
  private constructor(private readonly server: SMTPServer) {}

  static async start(how: Behaviour = {}): Promise<MailServer> {
    const { account, recipient = () => null, message = () => null } = how;
    const disabledCommands = [
      ...(how.starttls ? [] : ['STARTTLS']),
      ...(account === undefined ? ['AUTH'] : []),
    ];
    const options: SMTPServerOptions = {
      ...ours(),
      secure: how.secure ?? false,
      disabledCommands,
      authOptional: account === undefined,
      // A password in the clear is taken too: whether one is sent is what is tested.
      allowInsecureAuth: true,
      disableReverseLookup: true,
      closeTimeout: 100,
      onConnect: (_session, done) => {
        self.connections += 1;
        done();
      },
      onAuth: ({ username, password }, _session, done) => {
        self.logins += 1;
        if (username === account?.user && password === account?.pass)
          return done(null, { user: username });
        done(refusal({ code: 535, text: '5.7.8 Bad username or password' }));
      },
      onRcptTo: ({ address }, _session, done) => {
        const refused = recipient(address);
        done(refused === null ? null : refusal(refused));
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('end', async () => {
          const { mailFrom, rcptTo } = session.envelope;
          const mail: Arrived = {
            from: mailFrom === false ? '' : mailFrom.address,
            to: rcptTo.map(({ address }) => address),
            ...parsed(Buffer.concat(chunks).toString('utf8')),
            secure: session.secure,
            user: typeof session.user === 'string' ? session.user : null,
          };
          const refused = await message(mail);
          if (refused !== null) return done(refusal(refused));
          self.mails.push(mail);
          done();
          for (const wake of self.waiting.splice(0)) wake();
        });
      },
    };
    const server = new SMTPServer(options);
    const self = new MailServer(server);
    // A client that hangs up is part of the tests.
    server.on('error', () => {});
    server.listen(how.port ?? 0, '127.0.0.1');
    await once(server.server, 'listening');
    return self;
  }

  get port(): number {
    return (this.server.server.address() as AddressInfo).port;
  }

  /** Resolves when `count` mails were taken. */
  async taken(count: number): Promise<readonly Arrived[]> {
    while (this.mails.length < count)
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.mails;
  }

  stop(): Promise<void> {
    return new Promise((resolve) => this.server.close(resolve));
  }
}

function refusal({ code, text }: Refusal): Error {
  return Object.assign(new Error(text), { responseCode: code });
}

/** Headers in lower case, unfolded; the text as it was written. */
function parsed(raw: string): Pick<Arrived, 'headers' | 'text'> {
  const cut = raw.indexOf('\r\n\r\n');
  const head = raw.slice(0, cut).replace(/\r\n[ \t]+/g, ' ');
  const headers = Object.fromEntries(
    head.split('\r\n').map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const body = raw.slice(cut + 4).replace(/\r\n/g, '\n');
  return { headers, text: decoded(body, headers['content-transfer-encoding'] ?? '7bit') };
}

function decoded(body: string, encoding: string): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replace(/=\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
