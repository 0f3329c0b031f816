import { setTimeout as delay } from 'node:timers/promises';
import type {
  Entry,
  Job,
  Letter,
  Mail,
  MailEvent,
  MailKind,
  Notice,
  State,
} from '../core/index.js';
import { noticeKey } from '../core/index.js';
import { type RetryRules, triedNext } from './backoff.js';
import type { Words } from './compose.js';
import { due, type TellingRules } from './due.js';
import { fateOf } from './fate.js';
import type { Send } from './smtp.js';

export interface NotifierOptions {
  readonly engine: {
    readonly state: State;
    observe(seen: { is: 'mail'; event: MailEvent }): Promise<void>;
    subscribe(listener: (entry: Entry) => void): () => void;
  };
  /** What is to be told; empty switches mails off. */
  readonly kinds: readonly MailKind[];
  readonly to: readonly string[];
  readonly rules: TellingRules & { readonly retry: RetryRules };
  readonly compose: (notice: Notice, job: Job, wall: number) => Words;
  readonly send: Send;
  /** A new Message-ID, without the brackets. */
  readonly newId: () => string;
  /** Unix seconds. */
  readonly clock: () => number;
  readonly random: () => number;
  /** Runs `run` once after `ms` milliseconds unless the returned function is called before. */
  readonly timer: (ms: number, run: () => void) => () => void;
  readonly onError: (doing: string, error: Error) => void;
}

export interface Notifier {
  /** Takes up what an earlier daemon left, and what happens from now on. */
  start(): void;
  /** Ends within some 3 s. A mail on its way is given that long; what is left stays in the outbox. */
  close(): Promise<void>;
  /** Resolves when nothing is left to be sent now: what failed waits for another try. At the latest
   * after so many ms. */
  settled(within_ms: number): Promise<void>;
}

/** Entries after which there may be something to tell or to send. */
const STIRS: ReadonlySet<Entry['type']> = new Set<Entry['type']>([
  'hang_confirmed',
  'recovered',
  'job_failed',
  'job_holding',
  'job_finished',
  'hold_ended',
  'mail_configured',
]);

/** Node's clock may jump or the machine may sleep: nothing is waited for longer than this at once. */
const LONGEST_NAP_MS = 60_000;
const CLOSES_WITHIN_MS = 3000;

/**
 * The outbox at work. What is to be told is decided on the engine's state; each mail is in the
 * journal, in its final words, before it is sent, and its fate after. One mail at a time is on its
 * way. Nothing here is on the engine's path: it is stirred by events and works in turns of its own.
 *
 * A mail can arrive twice in one case: the daemon is killed between the server's 250 and the entry
 * `mail_sent`. Both then have the same Message-ID.
 */
export function createNotifier(options: NotifierOptions): Notifier {
  const { engine, rules, clock } = options;
  const started = clock();
  const cancel = new AbortController();
  /** Letters whose `mail_queued` is on disk; nothing else is sent. */
  const onDisk = new Set<string>();
  let sending: Promise<void> | null = null;
  let stirred = false;
  let closed = false;
  let disarm = (): void => {};
  let unsubscribe = (): void => {};

  const journal = (event: MailEvent): Promise<void> => engine.observe({ is: 'mail', event });

  const stir = (): void => {
    if (stirred || closed) return;
    stirred = true;
    // In a turn of its own: the engine is telling its readers, and commands wait behind us.
    setImmediate(() => {
      stirred = false;
      if (!closed) work();
    });
  };

  const work = (): void => {
    const { mail } = engine.state;
    const now = mail === undefined ? [] : due(mail, clock(), rules).now;
    for (const notice of now) {
      try {
        queue(notice);
      } catch (error) {
        // It keeps its place, and does not keep the others from being told.
        options.onError('putting a mail into words', error as Error);
      }
    }
    sendNext();
    arm();
  };

  const queue = (notice: Notice): void => {
    const key = noticeKey(notice);
    const { jobs, mail } = engine.state;
    const job = jobs[notice.job];
    // A mail queued just now may have taken this one along.
    if (job === undefined || mail?.notices[key] === undefined) return;
    const id = options.newId();
    const words = options.compose(notice, job, clock());
    journal({ type: 'mail_queued', key, id, kind: notice.kind, job: job.name, ...words }).then(
      () => {
        onDisk.add(id);
        stir();
      },
      (error: Error) => options.onError('queueing a mail', error),
    );
  };

  const sendNext = (): void => {
    const { mail } = engine.state;
    if (sending !== null || mail === undefined) return;
    const wall = clock();
    const letter = mail.outbox.find(
      (one) => onDisk.has(one.id) && nextTry(mail, one, wall) <= wall,
    );
    if (letter === undefined) return;
    sending = deliver(letter)
      .catch((error: Error) => options.onError('sending a mail', error))
      .finally(() => {
        sending = null;
        stir();
      });
  };

  const nextTry = (mail: Mail, letter: Letter, wall: number): number =>
    triedNext(mail.outbox, letter, wall, started, rules.retry);

  const deliver = async (letter: Letter): Promise<void> => {
    const { id, kind, job, queued_at } = letter;
    const tries = letter.tries + 1;
    const about = { id, kind, job, tries };
    const left = options.to.filter((address) => !letter.done.includes(address));
    if (left.length === 0) {
      return journal({
        type: 'mail_sent',
        ...about,
        tries: letter.tries,
        answer: NOBODY,
        refused: [],
      });
    }
    const outcome = await options.send(
      { ...letter, to: options.to, left, date: queued_at },
      cancel.signal,
    );
    // Cut off by our own end: whatever the server made of it, it is tried again.
    if (cancel.signal.aborted && outcome.is !== 'sent') return;
    const fate = fateOf(outcome, letter, tries, clock(), rules.retry, options.random);
    await journal({ ...about, ...fate });
  };

  const arm = (): void => {
    disarm();
    const { mail } = engine.state;
    if (closed || mail === undefined) return;
    const wall = clock();
    const times = sending === null ? mail.outbox.map((one) => nextTry(mail, one, wall)) : [];
    const { next } = due(mail, wall, rules);
    if (next !== null) times.push(next);
    // Letters that wait for the disk are stirred by it.
    const ahead = times.filter((at) => at > wall);
    if (ahead.length === 0) return;
    const ms = (Math.min(...ahead) - wall) * 1000;
    disarm = options.timer(Math.min(LONGEST_NAP_MS, Math.max(1, Math.ceil(ms))), stir);
  };

  /** Something is on its way, or is to be sent or told now. */
  const isBusy = (): boolean => {
    const { mail } = engine.state;
    if (sending !== null || mail === undefined) return sending !== null;
    const wall = clock();
    return (
      due(mail, wall, rules).now.length > 0 ||
      mail.outbox.some((one) => nextTry(mail, one, wall) <= wall)
    );
  };

  return {
    async settled(within_ms) {
      const until = performance.now() + within_ms;
      // The clock decides as much as events do.
      while (!closed && isBusy() && performance.now() < until) await delay(50);
    },
    start() {
      unsubscribe = engine.subscribe(({ type }) => {
        if (STIRS.has(type)) stir();
      });
      for (const { id } of engine.state.mail?.outbox ?? []) onDisk.add(id);
      journal({ type: 'mail_configured', kinds: options.kinds }).catch((error: Error) =>
        options.onError('setting up mails', error),
      );
      stir();
    },
    async close() {
      closed = true;
      unsubscribe();
      disarm();
      if (sending === null) return;
      const cut = setTimeout(() => cancel.abort(), CLOSES_WITHIN_MS);
      // The journal's own wait may last as long as the disk refuses; the journal bounds that.
      await Promise.race([sending, aborted(cancel.signal)]);
      clearTimeout(cut);
    },
  };
}

const NOBODY = 'nobody is left to send it to';

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
