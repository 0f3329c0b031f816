import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import {
  createSend,
  type Message,
  type Outcome,
  type SmtpSettings,
} from '../../daemon/notify/index.js';
import { type Behaviour, MailServer, ours } from './helpers/mail-server.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(how: Behaviour = {}): Promise<MailServer> {
  const started = await MailServer.start(how);
  cleanups.push(() => started.stop());
  return started;
}

/** A server that is no SMTP server: `talk` does with each connection what it likes. */
async function odd(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const listening: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => listening.close(resolve));
  });
  return (listening.address() as AddressInfo).port;
}

/** A line-by-line SMTP server of answers, by the first word of what is said to it. */
const answers = (script: (line: string, socket: Socket) => string | null) => (socket: Socket) => {
  socket.write('220 odd ESMTP\r\n');
  let rest = '';
  socket.on('data', (chunk) => {
    rest += chunk.toString();
    const lines = rest.split('\r\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const answer = script(line, socket);
      if (answer !== null) socket.write(`${answer}\r\n`);
    }
  });
};

const PASSWORD = 'correct horse';
const account = { user: 'me@home.net', pass: PASSWORD };

const settings = (port: number, over: Partial<SmtpSettings> = {}): SmtpSettings => ({
  host: '127.0.0.1',
  port,
  security: 'none',
  user: null,
  password: () => null,
  from: 'Night <nw@home.net>',
  ca: null,
  connection_seconds: 10,
  greeting_seconds: 10,
  socket_seconds: 10,
  send_seconds: 20,
  ...over,
});

const login = { user: account.user, password: () => PASSWORD, ca: ours().cert };

const message = (over: Partial<Message> = {}): Message => ({
  id: 'one@home.net',
  to: ['me@home.net'],
  left: ['me@home.net'],
  subject: 'Hang, resumed: my-lora – step 120',
  text: 'It hung – and goes on.\n',
  date: 1_700_000_000,
  ...over,
});

const never = new AbortController().signal;
const send = (how: SmtpSettings, what = message(), cancel = never): Promise<Outcome> =>
  createSend(how)(what, cancel);

describe('taken', () => {
  test('with its words, its own Message-ID and the date at which it was written', async () => {
    const taken = await server();
    expect(await send(settings(taken.port))).toMatchObject({
      is: 'sent',
      answer: expect.stringMatching(/^250 /),
      accepted: ['me@home.net'],
      refused: [],
    });
    const [mail] = taken.mails;
    expect(mail).toMatchObject({
      from: 'nw@home.net',
      to: ['me@home.net'],
      text: 'It hung – and goes on.\n',
      secure: false,
    });
    expect(mail?.headers).toMatchObject({
      'message-id': '<one@home.net>',
      from: 'Night <nw@home.net>',
      to: 'me@home.net',
      date: 'Tue, 14 Nov 2023 22:13:20 +0000',
      'auto-submitted': 'auto-generated',
      'content-type': 'text/plain; charset=utf-8',
    });
  });

  test.each([
    ['starttls', { starttls: true }],
    ['tls', { secure: true }],
  ] as const)('over %s, logged in, with a certificate of its own', async (security, how) => {
    const taken = await server({ ...how, account });
    const outcome = await send(settings(taken.port, { security, ...login }));
    expect(outcome.is).toBe('sent');
    expect(taken.mails[0]).toMatchObject({ secure: true, user: account.user });
  });

  test('tried twice, it is the same mail with the same Message-ID', async () => {
    const taken = await server();
    await send(settings(taken.port));
    await send(settings(taken.port));
    expect(taken.mails[1]).toEqual(taken.mails[0]);
  });
});

describe('refused for good', () => {
  test('a recipient nobody knows (550)', async () => {
    const refusing = await server({ recipient: () => ({ code: 550, text: '5.1.1 No such user' }) });
    const outcome = await send(settings(refusing.port));
    expect(outcome).toMatchObject({
      is: 'refused',
      why: expect.stringContaining('550 5.1.1 No such user'),
    });
    expect(refusing.mails).toEqual([]);
  });

  test('one recipient of two: sent to the other', async () => {
    const picky = await server({
      recipient: (address) => (address.startsWith('x') ? { code: 550, text: 'No' } : null),
    });
    const to = ['x@home.net', 'me@home.net'];
    expect(await send(settings(picky.port), message({ to, left: to }))).toMatchObject({
      is: 'sent',
      accepted: ['me@home.net'],
      refused: ['x@home.net'],
    });
  });

  test('the mail itself (552)', async () => {
    const full = await server({ message: () => ({ code: 552, text: 'Mailbox full' }) });
    expect(await send(settings(full.port))).toMatchObject({
      is: 'refused',
      why: expect.stringContaining('552 Mailbox full'),
    });
  });
});

describe('put off, this mail alone', () => {
  test('greylisting (451), then taken', async () => {
    let seen = 0;
    const grey = await server({
      recipient: () => (seen++ === 0 ? { code: 451, text: '4.7.1 Greylisted' } : null),
    });
    expect(await send(settings(grey.port))).toMatchObject({
      is: 'later',
      scope: 'message',
      why: expect.stringContaining('451 4.7.1 Greylisted'),
      done: [],
    });
    expect((await send(settings(grey.port))).is).toBe('sent');
    expect(grey.mails).toHaveLength(1);
  });

  test('greylisting of one recipient: the other has it and gets it no second time', async () => {
    const grey = await server({
      recipient: (address) => (address.startsWith('x') ? { code: 451, text: 'Later' } : null),
    });
    const to = ['x@home.net', 'me@home.net'];
    expect(await send(settings(grey.port), message({ to, left: to }))).toMatchObject({
      is: 'later',
      scope: 'message',
      done: ['me@home.net'],
    });
  });

  test('one recipient put off and the other refused', async () => {
    const grey = await server({
      recipient: (address) =>
        address.startsWith('x') ? { code: 451, text: 'Later' } : { code: 550, text: 'No' },
    });
    const to = ['x@home.net', 'me@home.net'];
    expect(await send(settings(grey.port), message({ to, left: to }))).toMatchObject({
      is: 'later',
      scope: 'message',
      done: ['me@home.net'],
    });
  });

  test('the mail itself (452)', async () => {
    const full = await server({ message: () => ({ code: 452, text: 'No room' }) });
    expect(await send(settings(full.port))).toMatchObject({ is: 'later', scope: 'message' });
  });
});

describe('the account or the settings: a person has to mend it', () => {
  test('a wrong password (535), which no words give away', async () => {
    const wrong = 'wrong horse';
    const strict = await server({ starttls: true, account });
    const outcome = await send(
      settings(strict.port, { security: 'starttls', ...login, password: () => wrong }),
    );
    expect(outcome).toMatchObject({
      is: 'later',
      scope: 'account',
      why: expect.stringContaining('535'),
      remedy: expect.stringContaining('mail.user'),
    });
    expect(strict.logins).toBe(1);
    expect(JSON.stringify(outcome)).not.toContain(wrong);
  });

  test('a server that repeats the password in its answer', async () => {
    const port = await odd(
      answers((line) => {
        if (line.startsWith('EHLO')) return '250-odd\r\n250 AUTH PLAIN';
        return line.startsWith('AUTH PLAIN ')
          ? `535 not with ${PASSWORD} nor ${line.slice(11)}`
          : '250 ok';
      }),
    );
    const outcome = await send(settings(port, login));
    expect(outcome).toMatchObject({ is: 'later', scope: 'account' });
    const said = JSON.stringify(outcome);
    expect(said).toContain('535 not with (secret) nor (secret)');
    expect(said).not.toContain(Buffer.from(`\0${account.user}\0${PASSWORD}`).toString('base64'));
  });

  test('STARTTLS wanted, and not offered: no word of the mail or the password goes out', async () => {
    const heard: string[] = [];
    const port = await odd(
      answers((line) => {
        heard.push(line);
        if (line.startsWith('EHLO')) return '250-odd\r\n250 AUTH PLAIN';
        return line === 'STARTTLS' ? '502 not implemented' : '250 ok';
      }),
    );
    const outcome = await send(settings(port, { security: 'starttls', ...login }));
    expect(outcome).toMatchObject({
      is: 'later',
      scope: 'account',
      remedy: expect.stringContaining('STARTTLS'),
    });
    expect(heard.map((line) => line.split(' ')[0])).toEqual(['EHLO', 'STARTTLS']);
  });

  test('a certificate that nobody vouches for: the password is not sent', async () => {
    const strange = await server({ starttls: true, account });
    const outcome = await send(
      settings(strange.port, { security: 'starttls', ...login, ca: null }),
    );
    expect(outcome).toMatchObject({
      is: 'later',
      scope: 'account',
      remedy: expect.stringContaining('mail.ca_file'),
    });
    expect(strange.logins).toBe(0);
  });

  test('TLS to a port that speaks STARTTLS', async () => {
    const plain = await server({ starttls: true, account });
    const outcome = await send(settings(plain.port, { security: 'tls', ...login }));
    expect(outcome).toMatchObject({
      is: 'later',
      scope: 'account',
      remedy: expect.stringContaining('does not speak TLS on this port'),
    });
  });

  test('no login where one is wanted (530), a sender that is not ours (553), no service (554)', async () => {
    const strict = await server({ starttls: true, account });
    const starttls = { security: 'starttls', ca: ours().cert } as const;
    expect(await send(settings(strict.port, starttls))).toMatchObject({
      is: 'later',
      scope: 'account',
      why: expect.stringContaining('530'),
    });
    const port = await odd(
      answers((line) => (line.startsWith('MAIL') ? '553 5.7.1 not your address' : '250 ok')),
    );
    expect(await send(settings(port))).toMatchObject({
      is: 'later',
      scope: 'account',
      remedy: expect.stringContaining('mail.from'),
    });
    const closed = await odd((socket) => socket.end('554 no service for you\r\n'));
    expect(await send(settings(closed))).toMatchObject({ is: 'later', scope: 'account' });
  });
});

describe('the server is down, slow or gone', () => {
  const down = { is: 'later', scope: 'server', done: [] };

  test('nobody listens', async () => {
    const gone = await server();
    const { port } = gone;
    await gone.stop();
    expect(await send(settings(port))).toMatchObject({
      ...down,
      why: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('no such host', async () => {
    const outcome = await send(settings(25, { host: 'no-such-host.invalid' }));
    expect(outcome).toMatchObject(down);
  });

  test('it accepts and never greets', async () => {
    const port = await odd(() => {});
    const outcome = await send(settings(port, { greeting_seconds: 0.2 }));
    expect(outcome).toMatchObject({ ...down, why: expect.stringContaining('Greeting') });
  });

  test('it greets and never answers', async () => {
    const port = await odd((socket) => socket.write('220 odd ESMTP\r\n'));
    const outcome = await send(settings(port, { greeting_seconds: 0.3, socket_seconds: 0.3 }));
    expect(outcome).toMatchObject(down);
  });

  test('it says a word now and then, and never an answer: the limit of the whole try ends it', async () => {
    let closed: Promise<unknown> = Promise.resolve();
    const port = await odd((socket) => {
      socket.write('220 odd ESMTP\r\n');
      closed = once(socket, 'close');
      let said = 0;
      socket.on('data', (chunk) => {
        if (!chunk.toString().startsWith('MAIL')) return void socket.write('250 ok\r\n');
        const drip = setInterval(() => socket.write(`250-${said++}\r\n`), 20);
        socket.once('close', () => clearInterval(drip));
      });
    });
    const outcome = await send(settings(port, { socket_seconds: 5, send_seconds: 0.4 }));
    expect(outcome).toMatchObject({ ...down, why: 'the server had not taken it after 0.4 s' });
    // And nothing of the try is left behind.
    await closed;
  });

  test('the connection is cut after the mail, before the answer', async () => {
    let whole = false;
    const port = await odd(
      answers((line, socket) => {
        if (line.startsWith('DATA')) return '354 go on';
        if (line === '.') {
          whole = true;
          socket.destroy();
        }
        return /^(EHLO|MAIL|RCPT)/.test(line) ? '250 ok' : null;
      }),
    );
    expect(await send(settings(port))).toMatchObject(down);
    expect(whole).toBe(true);
  });

  test('it is busy (421)', async () => {
    const port = await odd((socket) => socket.end('421 too busy\r\n'));
    expect(await send(settings(port))).toMatchObject(down);
  });

  test('a login that fails for the time being (454) is no wrong password', async () => {
    const port = await odd(
      answers((line) => {
        if (line.startsWith('EHLO')) return '250-odd\r\n250 AUTH PLAIN';
        return line.startsWith('AUTH') ? '454 4.7.0 try later' : '250 ok';
      }),
    );
    expect(await send(settings(port, login))).toMatchObject(down);
  });

  test('a try that is called off ends at once', async () => {
    const calling = new AbortController();
    const port = await odd(() => calling.abort());
    const outcome = await send(settings(port, { greeting_seconds: 60 }), message(), calling.signal);
    expect(outcome.is).toBe('later');
  });
});
