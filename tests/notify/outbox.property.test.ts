import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Event, fold } from '../../daemon/core/index.js';
import { createNotifier, type Notifier, type Outcome } from '../../daemon/notify/index.js';
import { ALL, Board, failed, finished, holds, hung, recovered, started } from './helpers/board.js';

/** What the server does with the next tries. `lost`: it takes the mail, and its answer is lost.
 * `dies`: it takes the mail, and the daemon is killed before it hears of it. */
const MOODS = ['up', 'down', 'grey', 'wrong', 'lost', 'dies'] as const;
type Mood = (typeof MOODS)[number];

const JOBS = ['a', 'b'] as const;
const HAPPENS = ['hang', 'stuck', 'finish', 'fail', 'hold', 'room'] as const;

const moves = fc.array(
  fc.oneof(
    fc.record({
      is: fc.constant('happens' as const),
      what: fc.constantFrom(...HAPPENS),
      job: fc.constantFrom(...JOBS),
    }),
    fc.record({
      is: fc.constant('passes' as const),
      seconds: fc.constantFrom(1, 30, 100, 1000, 4000, 20_000),
    }),
    fc.record({ is: fc.constant('server' as const), mood: fc.constantFrom(...MOODS) }),
    fc.record({ is: fc.constant('killed' as const) }),
  ),
  { maxLength: 40 },
);

/** Events as the core emits them in one turn, between the runs of a job. */
const eventsOf = (what: (typeof HAPPENS)[number], job: string, attempt: number): Event[] => {
  switch (what) {
    case 'hang':
      return [hung(job, attempt), ...recovered(job, attempt)];
    case 'stuck':
      return [hung(job, attempt)];
    case 'finish':
      return [finished(job)];
    case 'fail':
      return [failed('crash', job)];
    case 'hold':
      return [holds('disk_full', job)];
    case 'room':
      return [{ type: 'hold_ended', job, why: 'there is room' }];
  }
};

class World {
  board = new Board();
  mood: Mood = 'up';
  /** Message-IDs as the server took them, and how often it or we lost word of that. */
  readonly taken: string[] = [];
  lost = 0;
  private attempt = 1;
  private ids = 0;
  private alarm: { at: number; run: () => void } | null = null;
  private notifier: Notifier;
  private died = false;

  constructor() {
    this.notifier = this.daemon();
    for (const job of JOBS) this.board.happened(...started(job));
  }

  private daemon(): Notifier {
    const board = this.board;
    const notifier = createNotifier({
      engine: board,
      kinds: ALL,
      to: ['me@home.net'],
      rules: {
        repeat_seconds: 3600,
        max_per_hour: 1000,
        retry: { first_seconds: 10, max_seconds: 900, give_up_seconds: 1e9 },
      },
      compose: ({ kind }) => ({ subject: kind, text: '' }),
      send: ({ id }) => this.send(id),
      newId: () => `${++this.ids}@h`,
      clock: () => board.wall,
      random: () => 0.5,
      timer: (ms, run) => {
        const alarm = { at: board.wall + ms / 1000, run };
        this.alarm = alarm;
        return () => {
          if (this.alarm === alarm) this.alarm = null;
        };
      },
      onError: (doing, error) => {
        throw new Error(`${doing}: ${error.message}`);
      },
    });
    notifier.start();
    return notifier;
  }

  private async send(id: string): Promise<Outcome> {
    const later = (scope: 'server' | 'message' | 'account'): Outcome => ({
      is: 'later',
      scope,
      why: this.mood,
      remedy: '',
      done: [],
    });
    switch (this.mood) {
      case 'up':
        this.taken.push(id);
        return { is: 'sent', answer: '250', accepted: ['me@home.net'], refused: [] };
      case 'down':
        return later('server');
      case 'grey':
        return later('message');
      case 'wrong':
        return later('account');
      case 'lost':
        this.taken.push(id);
        this.lost += 1;
        return later('server');
      case 'dies':
        this.taken.push(id);
        this.lost += 1;
        this.died = true;
        return new Promise(() => {});
    }
  }

  async happens(what: (typeof HAPPENS)[number], job: string): Promise<void> {
    this.attempt += 1;
    this.board.happened(...eventsOf(what, job, this.attempt));
    await this.settle();
    // A person queues it again.
    if (what === 'finish' || what === 'fail') this.board.happened(...started(job));
    await this.settle();
  }

  async passes(seconds: number): Promise<void> {
    const end = this.board.wall + seconds;
    while (this.alarm !== null && this.alarm.at <= end) {
      const { at, run } = this.alarm;
      this.alarm = null;
      this.board.wall = Math.max(at, this.board.wall);
      run();
      await this.settle();
    }
    this.board.wall = end;
  }

  /** The process is gone; the next one knows what is in the journal. */
  async killed(): Promise<void> {
    const old = this.notifier;
    this.alarm = null;
    this.board = this.board.reborn();
    this.died = false;
    if (this.mood === 'dies') this.mood = 'up';
    this.notifier = this.daemon();
    // What the old one would still do, it does to a board that nobody reads any more.
    void old;
    await this.settle();
  }

  /** Until no turn of the event loop changes anything. */
  async settle(): Promise<void> {
    for (let calm = 0; calm < 3; ) {
      const before = this.board.entries.length;
      await new Promise((resolve) => setImmediate(resolve));
      calm = this.board.entries.length === before ? calm + 1 : 0;
    }
    if (this.died) await this.killed();
  }
}

test('whatever happens, each mail is taken, once but for lost answers; every end is told', async () => {
  await fc.assert(
    fc.asyncProperty(moves, async (all) => {
      const world = new World();
      await world.settle();
      for (const move of all) {
        if (move.is === 'happens') await world.happens(move.what, move.job);
        if (move.is === 'passes') await world.passes(move.seconds);
        if (move.is === 'server') world.mood = move.mood;
        if (move.is === 'killed') await world.killed();
      }
      world.mood = 'up';
      for (const job of JOBS) await world.happens('room', job);
      await world.passes(100_000);

      const { board, taken } = world;
      const queued = board.type('mail_queued');
      expect(board.state.mail?.outbox).toEqual([]);
      expect(board.state.mail?.notices).toEqual({});
      expect(new Set(taken)).toEqual(new Set(queued.map(({ id }) => id)));
      expect(taken.length - new Set(taken).size).toBeLessThanOrEqual(world.lost);
      expect(board.type('mail_sent')).toHaveLength(queued.length);
      for (const [kind, type] of [
        ['finished', 'job_finished'],
        ['gave_up', 'job_failed'],
      ] as const) {
        expect(queued.filter((mail) => mail.kind === kind)).toHaveLength(board.type(type).length);
      }
      // About hangs at most one an hour and job.
      for (const job of JOBS) {
        const hangs = queued.filter((mail) => mail.kind === 'hang' && mail.job === job);
        hangs.slice(1).forEach(({ time }, i) => {
          expect(time - (hangs[i]?.time ?? 0)).toBeGreaterThanOrEqual(3600);
        });
      }
      expect(fold(JSON.parse(JSON.stringify(board.entries)))).toEqual(board.state);
    }),
    { numRuns: 80 },
  );
});
