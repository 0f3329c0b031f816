import { describe, expect, test } from '@jest/globals';
import { type Event, fold, type MailKind, noticeKey } from '../../daemon/core/index.js';
import { due } from '../../daemon/notify/index.js';
import {
  ALL,
  Board,
  failed,
  finished,
  holds,
  hung,
  on,
  recovered,
  started,
} from './helpers/board.js';

const RULES = { repeat_seconds: 3600, max_per_hour: 20 };

/** Plays events and queues whatever is due, as the notifier does; says what was told when. */
class Teller extends Board {
  readonly told: { kind: MailKind; job: string; at: number; count: number }[] = [];
  private readonly began = this.wall;

  constructor(readonly rules = RULES) {
    super();
    this.happened(on());
  }

  see(...events: Event[]): this {
    this.happened(...events);
    this.look();
    return this;
  }

  /** Sends what waits, so that it is out of the outbox. */
  deliver(): this {
    for (const { id, kind, job } of this.state.mail?.outbox ?? []) {
      void this.observe({
        is: 'mail',
        event: { type: 'mail_sent', id, kind, job, tries: 1, answer: '250 OK', refused: [] },
      });
    }
    this.look();
    return this;
  }

  /** Goes on to wherever something is due, up to `seconds` from now. */
  pass(seconds: number, meanwhile: () => void = () => {}): this {
    const end = this.wall + seconds;
    for (;;) {
      const { next } = due(this.mail, this.wall, this.rules);
      if (next === null || next > end) break;
      this.wall = next;
      this.look();
      meanwhile();
    }
    this.wall = end;
    return this;
  }

  get mail() {
    const { mail } = this.state;
    if (mail === undefined) throw new Error('mails are off');
    return mail;
  }

  look(): void {
    for (const notice of due(this.mail, this.wall, this.rules).now) {
      if (this.mail.notices[noticeKey(notice)] === undefined) continue;
      const { kind, job, count } = notice;
      this.told.push({ kind, job, at: this.wall - this.began, count });
      void this.observe({
        is: 'mail',
        event: {
          type: 'mail_queued',
          key: noticeKey(notice),
          id: `${this.told.length}@h`,
          kind,
          job,
          subject: 's',
          text: 't',
        },
      });
    }
  }
}

describe('what is told, and when', () => {
  test('a hang, when it is recovered from', () => {
    const teller = new Teller().see(...started(), hung());
    expect(teller.told).toEqual([]);
    teller.wall += 20;
    teller.see(...recovered());
    expect(teller.told).toEqual([{ kind: 'hang', job: 'lora', at: 20, count: 1 }]);
    expect(teller.mail.notices).toEqual({});
  });

  test('a hang that is not recovered from in 90 s, then', () => {
    const teller = new Teller().see(...started(), hung()).pass(600);
    expect(teller.told).toEqual([{ kind: 'hang', job: 'lora', at: 90, count: 1 }]);
  });

  test('a night with a hang and an end: two mails', () => {
    const teller = new Teller().see(...started(), hung(), ...recovered());
    teller.pass(600).see(finished()).deliver().pass(1e6);
    expect(teller.told.map(({ kind }) => kind)).toEqual(['hang', 'finished']);
  });

  test('a hang whose recovery ends in giving up: first the one, then the other', () => {
    const teller = new Teller().see(...started(), hung(), failed());
    expect(teller.told.map(({ kind }) => kind)).toEqual(['hang', 'gave_up']);
  });

  test('a permanent failure is a kind of its own', () => {
    const teller = new Teller().see(...started(), failed('permanent'));
    expect(teller.told.map(({ kind }) => kind)).toEqual(['permanent']);
  });

  test('what the configuration does not ask for is not even noted', () => {
    const teller = new Teller();
    teller.see(on(['gave_up']), ...started(), hung(), ...recovered(), finished()).pass(1e5);
    expect(teller.told).toEqual([]);
    expect(teller.mail.notices).toEqual({});
  });

  test('a person who stops the job needs no mail about it', () => {
    const teller = new Teller().see(...started(), hung(), { type: 'job_stopped', job: 'lora' });
    expect(teller.pass(1e5).told).toEqual([]);
  });
});

describe('a storm', () => {
  test('a hang a minute for a night is one mail an hour, which counts them', () => {
    const teller = new Teller().see(...started());
    for (let attempt = 1; attempt <= 479; attempt += 1) {
      teller.see(hung('lora', attempt), ...recovered('lora', attempt));
      teller.deliver().pass(60, () => teller.deliver());
    }
    expect(teller.told.map(({ at }) => at)).toEqual([0, 1, 2, 3, 4, 5, 6, 7].map((h) => h * 3600));
    expect(teller.told.map(({ count }) => count)).toEqual([1, 59, 60, 60, 60, 60, 60, 60]);
    teller.see(finished());
    expect(teller.told.at(-1)?.kind).toBe('finished');
    expect(teller.told).toHaveLength(9);
  });

  test('the end takes the hangs along that are not told yet', () => {
    const teller = new Teller().see(...started(), hung(), ...recovered()).deliver();
    teller.see(hung('lora', 2), ...recovered('lora', 2), finished());
    expect(teller.pass(1e6).told.map(({ kind }) => kind)).toEqual(['hang', 'finished']);
  });

  test('forty jobs that fail at once: twenty mails in an hour, the others after it', () => {
    const teller = new Teller();
    for (let i = 0; i < 40; i += 1) teller.see(...started(`j${i}`), failed('permanent', `j${i}`));
    expect(teller.told).toHaveLength(20);
    teller.pass(3599, () => teller.deliver());
    expect(teller.told).toHaveLength(20);
    teller.pass(2, () => teller.deliver());
    expect(new Set(teller.told.map(({ job }) => job)).size).toBe(40);
    expect(teller.told).toHaveLength(40);
  });

  test('a server that is away for days: the outbox is bounded, and what waits is told after it', () => {
    const teller = new Teller({ ...RULES, max_per_hour: 1000 });
    for (let i = 0; i < 120; i += 1) teller.see(...started(`j${i}`), failed('permanent', `j${i}`));
    expect(teller.mail.outbox).toHaveLength(100);
    teller.deliver();
    expect(teller.mail.outbox).toHaveLength(20);
    expect(new Set(teller.told.map(({ job }) => job)).size).toBe(120);
  });

  test('while the server is down, one mail about the same waits, not one for each hour', () => {
    const teller = new Teller().see(...started(), holds()).pass(12 * 3600);
    expect(teller.told).toHaveLength(1);
    teller.deliver();
    expect(teller.told).toHaveLength(2);
  });
});

describe('what lasts is told again', () => {
  test('a full disk once an hour, until there is room', () => {
    const teller = new Teller().see(...started(), holds());
    teller.pass(60, () => teller.deliver()).pass(2 * 3600, () => teller.deliver());
    expect(teller.told.map(({ at }) => at)).toEqual([60, 3660, 7260]);
    teller.see({ type: 'hold_ended', job: 'lora', why: 'there is room' });
    expect(teller.pass(1e5).told).toHaveLength(3);
  });

  test('a full disk that pruning mends within a minute is told to nobody', () => {
    const teller = new Teller().see(...started(), holds());
    teller.wall += 5;
    teller.see({ type: 'hold_ended', job: 'lora', why: 'there is room' });
    expect(teller.pass(1e5).told).toEqual([]);
  });

  test('a network that is away once, until a step was made with it', () => {
    const teller = new Teller().see(...started());
    const away = (hours: number, wait: number) => {
      for (let left = hours * 3600; left > 0; left -= wait) {
        teller.see(holds('network')).pass(wait, () => teller.deliver());
        teller.see({ type: 'hold_ended', job: 'lora', why: 'the wait is over' });
      }
    };
    away(0.1, 45);
    expect(teller.told).toEqual([]);
    away(8, 600);
    expect(teller.told).toHaveLength(1);
    teller.see(...recovered());
    away(8, 600);
    expect(teller.told).toHaveLength(2);
  });

  test('a bad machine at once, and again each hour', () => {
    const teller = new Teller().see(...started(), holds('host_bad')).deliver();
    teller.pass(3700, () => teller.deliver());
    expect(teller.told.map(({ at }) => at)).toEqual([0, 3600]);
  });

  test('the same failure after a resume is news at once; hangs stay one story', () => {
    const teller = new Teller().see(...started(), hung(), ...recovered(), failed()).deliver();
    teller.wall += 300;
    teller.see({ type: 'job_resumed', job: 'lora' }, hung('lora', 3), ...recovered('lora', 3));
    teller.see(failed());
    expect(teller.told.map(({ kind, at }) => [kind, at])).toEqual([
      ['hang', 0],
      ['gave_up', 0],
      ['gave_up', 300],
    ]);
  });

  test('a clock that is set back silences nothing', () => {
    const teller = new Teller().see(...started(), holds('host_bad')).deliver();
    teller.wall -= 86_400;
    teller.look();
    expect(teller.told).toHaveLength(2);
  });
});

describe('the fold', () => {
  test('mails that were never set up leave no trace in the state', () => {
    const board = new Board().happened(...started(), hung(), ...recovered(), finished());
    expect(board.state).not.toHaveProperty('mail');
  });

  test('is rebuilt from the journal, and from a snapshot of it at any entry', () => {
    const teller = new Teller().see(...started(), hung(), ...recovered()).deliver();
    teller.see(...started('b'), holds('disk_full', 'b'), hung('lora', 2), failed()).pass(100);
    expect(teller.mail.outbox.length).toBeGreaterThan(1);
    for (let cut = 0; cut <= teller.entries.length; cut += 1) {
      const snapshot = JSON.parse(JSON.stringify(fold(teller.entries.slice(0, cut))));
      expect(fold(teller.entries.slice(cut), snapshot)).toEqual(teller.state);
    }
  });

  test('switched off it forgets what was unsent; switched on again it begins anew', () => {
    const teller = new Teller().see(...started(), failed());
    teller.happened(on([]));
    expect(teller.mail).toMatchObject({ outbox: [], notices: {}, kinds: [] });
    teller.happened(on(ALL));
    expect(due(teller.mail, teller.wall, RULES)).toEqual({ now: [], next: null });
  });

  test('news about a mail that is no longer there is no event', async () => {
    const teller = new Teller().see(...started(), failed()).deliver();
    const before = teller.entries.length;
    await teller.observe({
      is: 'mail',
      event: {
        type: 'mail_sent',
        id: '1@h',
        kind: 'gave_up',
        job: 'lora',
        tries: 1,
        answer: '250',
        refused: [],
      },
    });
    await teller.observe({ is: 'mail', event: { type: 'mail_configured', kinds: ALL } });
    expect(teller.entries).toHaveLength(before);
  });
});
