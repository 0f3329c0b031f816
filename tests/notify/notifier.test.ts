import { afterEach, describe, expect, test } from '@jest/globals';
import type { Entry } from '../../daemon/core/index.js';
import {
  createNotifier,
  createSend,
  type Notifier,
  type NotifierOptions,
} from '../../daemon/notify/index.js';
import { ALL, Board, failed, finished, hung, recovered, started } from './helpers/board.js';
import { type Arrived, MailServer, type Refusal } from './helpers/mail-server.js';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function server(how: Parameters<typeof MailServer.start>[0] = {}): Promise<MailServer> {
  const made = await MailServer.start(how);
  cleanups.push(() => made.stop());
  return made;
}

/** Timers that the test fires: `ring` turns the clock to the next one. */
class Alarm {
  private armed: { at: number; run: () => void } | null = null;
  private woken: (() => void) | null = null;
  constructor(private readonly board: Board) {}

  timer = (ms: number, run: () => void): (() => void) => {
    const armed = { at: this.board.wall + ms / 1000, run };
    this.armed = armed;
    this.woken?.();
    return () => {
      if (this.armed === armed) this.armed = null;
    };
  };

  /** Waits until a timer is set, turns the clock to it and lets it ring. */
  async ring(): Promise<number> {
    while (this.armed === null)
      await new Promise<void>((resolve) => {
        this.woken = resolve;
      });
    const { at, run } = this.armed;
    this.armed = null;
    const waited = at - this.board.wall;
    this.board.wall = at;
    run();
    return waited;
  }
}

interface Told {
  readonly notifier: Notifier;
  readonly alarm: Alarm;
  readonly errors: Error[];
}

let ids = 0;

function notify(board: Board, port: number, over: Partial<NotifierOptions> = {}): Told {
  const alarm = new Alarm(board);
  const errors: Error[] = [];
  const notifier = createNotifier({
    engine: board,
    kinds: ALL,
    to: ['me@home.net'],
    rules: {
      repeat_seconds: 3600,
      max_per_hour: 20,
      retry: { first_seconds: 10, max_seconds: 900, give_up_seconds: 7200 },
    },
    compose: ({ kind, count }, { name }) => ({
      subject: `${kind} ${count} ${name}`,
      text: 'So.\n',
    }),
    send: createSend({
      host: '127.0.0.1',
      port,
      security: 'none',
      user: null,
      password: () => null,
      from: 'nw@home.net',
      ca: null,
      connection_seconds: 10,
      greeting_seconds: 10,
      socket_seconds: 10,
      send_seconds: 20,
    }),
    newId: () => `${++ids}@home.net`,
    clock: () => board.wall,
    // The whole of the wait, none of it left to chance.
    random: () => 1 - Number.EPSILON,
    timer: alarm.timer,
    onError: (_doing, error) => errors.push(error),
    ...over,
  });
  cleanups.push(() => notifier.close());
  notifier.start();
  return { notifier, alarm, errors };
}

const is =
  (type: Entry['type'], kind?: string) =>
  (entry: Entry): boolean =>
    entry.type === type && (kind === undefined || ('kind' in entry && entry.kind === kind));

const subjects = (mails: readonly Arrived[]) => mails.map(({ headers }) => headers['subject']);

describe('sent once', () => {
  test('journalled before it is sent, and after', async () => {
    const board = new Board();
    let onDisk: string[] = [];
    const taken = await server({
      message: () => {
        onDisk = board.entries.map(({ type }) => type);
        return null;
      },
    });
    notify(board, taken.port);
    const sent = board.comes(is('mail_sent'));
    board.happened(...started(), finished());
    expect(await sent).toMatchObject({ kind: 'finished', tries: 1, refused: [] });
    expect(onDisk).toContain('mail_queued');
    expect(onDisk).not.toContain('mail_sent');
    expect(subjects(taken.mails)).toEqual(['finished 1 lora']);
    const [queued] = board.type('mail_queued');
    expect(taken.mails[0]?.headers['message-id']).toBe(`<${queued?.id}>`);
    expect(board.state.mail?.outbox).toEqual([]);
  });

  test('nothing is sent while the disk has not taken its entry', async () => {
    const board = new Board();
    const taken = await server();
    const disk = new Map<string, () => void>();
    const refusing = {
      get state() {
        return board.state;
      },
      subscribe: board.subscribe,
      observe: async (seen: Parameters<Board['observe']>[0]) => {
        const { event } = seen;
        const written =
          event.type === 'mail_queued'
            ? new Promise<void>((resolve) => disk.set(event.kind, resolve))
            : Promise.resolve();
        await board.observe(seen);
        await written;
      },
    };
    notify(board, taken.port, { engine: refusing });
    const queued = board.comes(is('mail_queued'));
    board.happened(...started(), failed());
    await queued;
    // Stirred again, by something else.
    const other = board.comes(is('mail_queued', 'finished'));
    board.happened(...started('b'), finished('b'));
    await other;
    expect(taken.connections).toBe(0);
    for (const [kind, mail] of [
      ['finished', 'finished 1 b'],
      ['gave_up', 'gave_up 1 lora'],
    ] as const) {
      const sent = board.comes(is('mail_sent'));
      disk.get(kind)?.();
      await sent;
      expect(subjects(taken.mails).at(-1)).toBe(mail);
    }
  });

  test('a daemon started anew sends what the one before it left, under the same Message-ID', async () => {
    const board = new Board();
    const gone = await server();
    const { port } = gone;
    await gone.stop();
    const first = notify(board, port);
    const deferred = board.comes(is('mail_deferred'));
    board.happened(...started(), finished());
    await deferred;
    await first.notifier.close();
    const [queued] = board.type('mail_queued');

    const next = board.reborn();
    next.wall += 60;
    const taken = await server({ port });
    const sent = next.comes(is('mail_sent'));
    notify(next, port);
    expect(await sent).toMatchObject({ id: queued?.id, tries: 2 });
    expect(taken.mails[0]?.headers['message-id']).toBe(`<${queued?.id}>`);
    expect(taken.mails).toHaveLength(1);
  });

  test('killed before the mail was even queued: the notice is in the journal, and told', async () => {
    const board = new Board();
    board.happened({ type: 'mail_configured', kinds: ALL }, ...started(), finished());
    const next = board.reborn();
    const taken = await server();
    const sent = next.comes(is('mail_sent'));
    notify(next, taken.port);
    await sent;
    expect(subjects(taken.mails)).toEqual(['finished 1 lora']);
  });

  test('killed between the 250 and its entry: the second is the same mail', async () => {
    const board = new Board();
    const taken = await server();
    const first = notify(board, taken.port);
    const sent = board.comes(is('mail_sent'));
    board.happened(...started(), finished());
    await sent;
    await first.notifier.close();

    const next = board.reborn();
    const cut = next.entries.findIndex(({ type }) => type === 'mail_sent');
    next.entries.splice(cut);
    const again = next.reborn();
    const twice = again.comes(is('mail_sent'));
    notify(again, taken.port);
    await twice;
    expect(taken.mails).toHaveLength(2);
    expect(taken.mails[1]).toEqual(taken.mails[0]);
  });

  test('a close waits for the mail on its way, and its entry is written', async () => {
    const board = new Board();
    let arrived = (): void => {};
    let answer = (_refusal: Refusal | null): void => {};
    const here = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const taken = await server({
      message: () =>
        new Promise((resolve) => {
          answer = resolve;
          arrived();
        }),
    });
    const { notifier } = notify(board, taken.port);
    board.happened(...started(), finished());
    await here;
    const closed = notifier.close();
    answer(null);
    await closed;
    expect(board.type('mail_sent')).toHaveLength(1);
  });
});

describe('the server is down', () => {
  test('tries grow apart up to the bound, and the first success lets all go', async () => {
    const board = new Board();
    const gone = await server();
    const { port } = gone;
    await gone.stop();
    const { alarm } = notify(board, port);
    let deferred = board.comes(is('mail_deferred'));
    board.happened(...started(), hung(), ...recovered());
    await deferred;
    const queued = board.comes(is('mail_queued', 'finished'));
    board.happened(finished());
    await queued;
    for (let tries = 2; tries <= 9; tries += 1) {
      deferred = board.comes(is('mail_deferred'));
      // Long naps come in pieces.
      while ((board.state.mail?.outbox[0]?.until ?? 0) > board.wall) await alarm.ring();
      await deferred;
    }
    const waits = board.type('mail_deferred').map(({ until, time }) => Math.round(until - time));
    expect(waits).toEqual([10, 20, 40, 80, 160, 320, 640, 900, 900]);
    // All of them of the first mail: the second would have failed in the same way.
    expect(new Set(board.type('mail_deferred').map(({ kind }) => kind))).toEqual(new Set(['hang']));

    const back = await server({ port });
    while ((board.state.mail?.outbox[0]?.until ?? 0) > board.wall) await alarm.ring();
    await back.taken(2);
    expect(subjects(back.mails)).toEqual(['hang 1 lora', 'finished 1 lora']);
  });

  test('in the end it is given up, and says so', async () => {
    const board = new Board();
    const gone = await server();
    const { port } = gone;
    await gone.stop();
    const { alarm } = notify(board, port);
    const given = board.comes(is('mail_given_up'));
    let over = false;
    void given.then(() => {
      over = true;
    });
    board.happened(...started(), finished());
    const steps = (async () => {
      while (!over) {
        const stirred = board.comes((entry) => /^mail_(deferred|given_up)$/.test(entry.type));
        if (board.type('mail_deferred').length === 0) await stirred;
        else {
          while ((board.state.mail?.outbox[0]?.until ?? 0) > board.wall) await alarm.ring();
          await stirred;
        }
      }
    })();
    expect(await given).toMatchObject({ why: expect.stringContaining('in all its time') });
    await steps;
    expect(board.state.mail?.outbox).toEqual([]);
  });
});

describe('the server refuses', () => {
  test('a recipient nobody knows is asked about once', async () => {
    const refusing = await server({ recipient: () => ({ code: 550, text: 'No such user' }) });
    const board = new Board();
    notify(board, refusing.port);
    const given = board.comes(is('mail_given_up'));
    board.happened(...started(), finished());
    expect(await given).toMatchObject({ tries: 1, why: expect.stringContaining('550') });
    expect(refusing.connections).toBe(1);
  });

  test('a wrong password is tried once an hour, for all mails together', async () => {
    const strict = await server({ account: { user: 'me', pass: 'right' } });
    const board = new Board();
    const wrong = createSend({
      host: '127.0.0.1',
      port: strict.port,
      security: 'none',
      user: 'me',
      password: () => 'wrong',
      from: 'nw@home.net',
      ca: null,
      connection_seconds: 10,
      greeting_seconds: 10,
      socket_seconds: 10,
      send_seconds: 20,
    });
    const { alarm } = notify(board, strict.port, { send: wrong });
    const first = board.comes(is('mail_deferred'));
    board.happened(...started(), hung(), ...recovered());
    expect(await first).toMatchObject({ scope: 'account' });
    const queued = board.comes(is('mail_queued', 'finished'));
    board.happened(finished());
    await queued;
    const began = board.wall;
    const second = board.comes(is('mail_deferred'));
    while (board.wall < began + 3540) await alarm.ring();
    expect(strict.logins).toBe(1);
    await alarm.ring();
    await second;
    expect(strict.logins).toBe(2);
    expect(Math.round(board.wall - began)).toBe(3600);
  });

  test('after a restart the account is asked again, a minute after the last time at the soonest', async () => {
    const strict = await server({ account: { user: 'me', pass: 'right' } });
    const board = new Board();
    const first = notify(board, strict.port);
    const blocked = board.comes(is('mail_deferred'));
    board.happened(...started(), finished());
    expect(await blocked).toMatchObject({ scope: 'account', why: expect.stringContaining('530') });
    await first.notifier.close();

    const next = board.reborn();
    next.wall += 5;
    const { alarm } = notify(next, strict.port);
    const again = next.comes(is('mail_deferred'));
    expect(Math.round(await alarm.ring())).toBe(55);
    expect(await again).toMatchObject({ tries: 2 });
  });

  test('greylisting of one of two: the other gets it once', async () => {
    let seen = 0;
    const grey = await server({
      recipient: (address) =>
        address.startsWith('x') && seen++ === 0 ? { code: 451, text: 'Later' } : null,
    });
    const board = new Board();
    const { alarm } = notify(board, grey.port, { to: ['x@home.net', 'me@home.net'] });
    const deferred = board.comes(is('mail_deferred'));
    board.happened(...started(), finished());
    expect(await deferred).toMatchObject({ scope: 'message', done: ['me@home.net'] });
    const sent = board.comes(is('mail_sent'));
    await alarm.ring();
    await sent;
    expect(grey.mails.map(({ to }) => to)).toEqual([['me@home.net'], ['x@home.net']]);
    expect(grey.mails.map(({ headers }) => headers['to'])).toEqual([
      'x@home.net, me@home.net',
      'x@home.net, me@home.net',
    ]);
  });
});

test('a hang that is not recovered from is told after its 90 s by the clock alone', async () => {
  const board = new Board();
  const taken = await server();
  const { alarm } = notify(board, taken.port);
  board.happened(...started(), hung());
  const began = board.wall;
  const sent = board.comes(is('mail_sent'));
  while (board.wall < began + 90) await alarm.ring();
  await sent;
  expect(board.wall - began).toBe(90);
});

test('a mail for which there are no words is told of, and keeps no other back', async () => {
  const board = new Board();
  const taken = await server();
  const { errors } = notify(board, taken.port, {
    compose: ({ kind }) => {
      if (kind === 'hang') throw new Error('no words');
      return { subject: kind, text: '' };
    },
  });
  const sent = board.comes(is('mail_sent'));
  board.happened(...started(), hung(), ...recovered(), finished());
  await sent;
  expect(errors.map(({ message }) => message)).toContain('no words');
  expect(subjects(taken.mails)).toEqual(['finished']);
});
