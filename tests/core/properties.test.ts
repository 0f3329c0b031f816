import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  asIfTicked,
  binOf,
  type Command,
  type Core,
  decide,
  type Entry,
  type Event,
  fold,
  initialCore,
  nextLook,
  type Observation,
  type Policy,
} from '../../daemon/core/index.js';
import { Night, policy, ref, spec } from './night.js';

const JOB = 'lora';
const PHASE_LISTS = [
  [],
  ['startup'],
  ['load'],
  ['step'],
  ['step', 'checkpoint'],
  ['step', 'sample'],
  ['checkpoint'],
] as const;

/** Evenly spread, which fc.double is not: most of its values are next to nothing. */
const seconds = (most: number): fc.Arbitrary<number> =>
  fc.integer({ min: 0, max: most * 1000 }).map((ms) => ms / 1000);

/** What the edges may tell of a trainer that runs, with the seconds that pass before. */
const news = fc.record({
  after: fc.oneof(seconds(2), seconds(90)),
  what: fc.oneof(
    fc.record({ is: fc.constant('step' as const), steps: fc.integer({ min: 1, max: 5 }) }),
    fc.record({ is: fc.constant('phases' as const), phases: fc.constantFrom(...PHASE_LISTS) }),
    fc.record({
      is: fc.constant('look' as const),
      cpu: fc.constantFrom(0, 0, 0, 5),
      storage: fc.constantFrom(false, false, false, true),
    }),
    fc.record({ is: fc.constant('tick' as const) }),
  ),
});

type News = typeof news extends fc.Arbitrary<infer N> ? N : never;

/** Plays the news with a tick wherever the core says that one may matter. */
class Watched extends Night {
  private cpu = 0;
  private step = 0;

  tell({ what }: News): void {
    switch (what.is) {
      case 'step':
        this.step += what.steps;
        this.beat({ step: this.step });
        return;
      case 'phases':
        this.beat({ phases: what.phases });
        return;
      case 'look':
        this.cpu += what.cpu;
        this.outside(this.cpu, 0, what.storage);
        return;
      case 'tick':
        this.see({ is: 'tick' });
    }
  }

  get next(): number {
    return nextLook(this.core, { mono: this.mono, wall: this.wall }, this.rules, 'anything');
  }

  /** As if ticks had come all the time while nothing happened. */
  ticked(): void {
    this.core = asIfTicked(this.core, { mono: this.mono, wall: this.wall });
  }
}

describe('nextLook', () => {
  test('no tick before it decides anything, whatever was seen', () => {
    fc.assert(
      fc.property(fc.array(news, { maxLength: 60 }), fc.nat(), (all, salt) => {
        const night = new Watched().start({ target_step: 1_000_000 }) as Watched;
        night.see({ is: 'tick' });
        for (const [i, one] of all.entries()) {
          const until = night.mono + one.after;
          for (let n = 0; night.mono < until && n < 500; n += 1) {
            const next = Math.min(night.next, until);
            const before = night.core;
            // A tick somewhere in between, and one just short of the time.
            const parts = next - night.mono < 1e-3 ? [] : [((salt + i) % 97) / 97, 0.999];
            for (const part of parts) {
              const at = night.mono + (next - night.mono) * part;
              const now = { mono: at, wall: night.wall + at - night.mono };
              const tick = decide(asIfTicked(before, now), { is: 'tick' }, now, night.rules);
              expect([tick.events, tick.commands]).toEqual([[], []]);
              expect({ ...tick.core, last: null }).toEqual({ ...before, last: null });
            }
            night.skip(Math.max(1e-6, next - night.mono)).ticked();
            night.see({ is: 'tick' });
            if (night.job.run.at !== 'running') return;
          }
          night.tell(one);
          night.ticked();
          night.see({ is: 'tick' });
          if (night.job.run.at !== 'running') return;
        }
      }),
      { numRuns: 150 },
    );
  });
});

/** Lets time pass in polls, and answers each look as of a process that uses a whole core. */
function passBusy(night: Night, seconds: number, from: number): void {
  night.pass(seconds, () => {
    if (night.does('observe')) night.outside(100 + night.mono - from);
  });
}

/** The same of a process that waits for storage. */
function passWaiting(night: Night, seconds: number): void {
  night.pass(seconds, () => {
    if (night.does('observe')) night.outside(0, 0, true);
  });
}

describe('nextLook at a trainer that is busy, or waits for storage', () => {
  test.each([
    ['busy', passBusy],
    ['storage', passWaiting],
  ] as const)(
    'neither ticks nor looks before it decide anything, as long as each look finds it so: %s',
    (outlook, passes) => {
      fc.assert(
        fc.property(fc.array(news, { minLength: 1, maxLength: 25 }), (all) => {
          const night = new Watched().start({ target_step: 1_000_000 }) as Watched;
          const from = night.mono;
          for (const one of all) {
            night.tell(one);
            night.ticked();
            night.see({ is: 'tick' });
            if (night.job.run.at !== 'running') return;
            const now = { mono: night.mono, wall: night.wall };
            const next = nextLook(night.core, now, night.rules, outlook);
            const events = night.events.length;
            passes(night, Math.min(one.after, next - night.mono - 1e-3), from);
            expect(night.events.slice(events)).toEqual([]);
          }
        }),
        { numRuns: 60 },
      );
    },
  );

  test('it does not promise more than there is: the tick at it raises a suspicion', () => {
    const night = new Night().start({ target_step: 1_000_000 }).steps(200, 0.5).pass(1);
    const from = night.mono;
    const now = { mono: night.mono, wall: night.wall };
    const next = nextLook(night.core, now, night.rules, 'busy');
    expect(next).toBeLessThan(night.mono + 60);
    passBusy(night, next - night.mono + 0.25, from);
    expect(night.of('suspicion_raised')).toHaveLength(1);
  });

  test('nor of one that waits for storage, once a look has found it so', () => {
    const night = new Night().start({ target_step: 1_000_000 }).steps(200, 0.5);
    for (let i = 0; !night.core.watches[JOB]?.idle?.last.storage_wait; i += 1) {
      expect(i).toBeLessThan(100);
      passWaiting(night, 0.25);
    }
    const now = { mono: night.mono, wall: night.wall };
    const next = nextLook(night.core, now, night.rules, 'storage');
    expect(next).toBeGreaterThan(nextLook(night.core, now, night.rules, 'anything'));
    passWaiting(night, next - night.mono + 0.25);
    expect(night.of('suspicion_raised')).toHaveLength(1);
  });
});

describe('steps told in one piece', () => {
  test('leave the job and its clocks as the same steps told one by one', () => {
    const fast = fc.array(
      seconds(0.9).map((s) => s + 0.001),
      { minLength: 1, maxLength: 100 },
    );
    // Slow enough to be looked at, and found busy.
    const slow = fc.array(
      seconds(15).map((s) => s + 0.001),
      { minLength: 1, maxLength: 15 },
    );
    const told = fc.constantFrom(...PHASE_LISTS.slice(3, 4), null);
    fc.assert(
      fc.property(fc.oneof(fast, slow), told, (each, phases) => {
        const begin = (): Night => {
          const night = new Night().start({ target_step: 1_000_000 });
          if (phases !== null) night.beat({ phases });
          return night.steps(20, 0.5).pass(1);
        };
        const [single, whole] = [begin(), begin()];
        const from = single.mono;
        for (const gap of each) {
          passBusy(single, gap, from);
          single.beat({ step: (single.core.watches[JOB]?.last_step ?? 0) + 1 });
        }
        const bins: Record<number, number> = {};
        // The first step after the pause is told by itself, as the edge tells it.
        const [first = 0, ...rest] = each;
        whole.skip(first).beat({ step: 21 });
        for (const gap of rest) {
          whole.skip(gap);
          bins[binOf(gap)] = (bins[binOf(gap)] ?? 0) + 1;
        }
        const seconds = rest.reduce((sum, gap) => sum + gap, 0);
        if (rest.length > 0)
          whole.see({ is: 'steps', job: JOB, attempt: 1, step: 20 + each.length, seconds, bins });
        // Both written out.
        for (const night of [single, whole]) {
          const now = { mono: night.mono, wall: night.wall };
          night.core = asIfTicked(night.core, now);
          night.skip(2).see({ is: 'tick' });
        }
        expect(single.of('suspicion_raised')).toEqual([]);
        expect(whole.job.learned).toEqual(single.job.learned);
        expect(whole.job.progress).toEqual({ ...single.job.progress, at: whole.job.progress.at });
        expect(whole.job.tally.useful_seconds).toBeCloseTo(single.job.tally.useful_seconds, 6);
        const clocks = ({ core }: Night) => {
          // The pace counts a piece as a whole, and so begins its stretches elsewhere.
          const {
            pending: _,
            pace: __,
            ...watch
          } = core.watches[JOB] ?? {
            pending: null,
            pace: null,
          };
          return JSON.parse(JSON.stringify(watch, (_key, v) => round(v)));
        };
        expect(clocks(whole)).toEqual(clocks(single));
      }),
      { numRuns: 150 },
    );
  });
});

const round = (value: unknown): unknown =>
  typeof value === 'number' && Number.isFinite(value) ? Math.round(value * 1e6) / 1e6 : value;

test('a sign of life that says nothing new changes nothing', () => {
  fc.assert(
    fc.property(fc.constantFrom(...PHASE_LISTS), seconds(50), (phases, s) => {
      const night = new Night().start({ target_step: 1_000_000 }).beat({ phases }).steps(20, 0.5);
      const { core } = night;
      night.skip(s).beat({ phases, step: 20 });
      expect(night.core).toBe(core);
    }),
  );
});

/** Anything that an edge may tell, in any order, true or not, of the attempt before, this or the next. */
const anything: fc.Arbitrary<(attempt: number) => Observation> = (() => {
  const from = fc.option(
    fc.integer({ min: 1, max: 40 }).map((step) => ({ step, path: `/c${step}`, bytes: 10 })),
    { nil: null },
  );
  const off = fc.constantFrom(0, 0, 0, 0, -1, 1);
  const tails = fc.constantFrom(
    [],
    ['CUDA error: an illegal memory access'],
    ["ModuleNotFoundError: No module named 'x'"],
    ['torch.OutOfMemoryError: CUDA out of memory'],
    ['OSError: [Errno 28] No space left on device'],
    ['GPU has fallen off the bus'],
    ['Loss is NaN'],
    ['urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>'],
  );
  const exit = fc.constantFrom(
    { code: 0, signal: null },
    { code: 1, signal: null },
    { code: null, signal: 'SIGKILL' },
    null,
  );
  const lost = fc.constantFrom(null, null, null, 'nvidia-smi does not find it any more');
  const of = <T>(arbitrary: fc.Arbitrary<T>, make: (value: T, attempt: number) => Observation) =>
    fc.tuple(arbitrary, off).map(
      ([value, by]) =>
        (attempt: number) =>
          make(value, attempt + by),
    );
  const nothing = fc.constant(null);
  return fc.oneof(
    { weight: 6, arbitrary: of(nothing, () => ({ is: 'tick' })) },
    of(nothing, () => ({ is: 'daemon_up', pid: 1, version: '1', boot_id: 'boot' })),
    of(nothing, () => ({ is: 'daemon_stopping', reason: 'received SIGTERM', trainers: 'end' })),
    of(nothing, () => ({ is: 'queue', spec: spec({ target_step: 1000 }) })),
    of(nothing, () => ({ is: 'stop', job: JOB })),
    of(nothing, () => ({ is: 'resume', job: JOB })),
    { weight: 4, arbitrary: of(from, (at) => ({ is: 'prepared', job: JOB, from: at })) },
    {
      weight: 4,
      arbitrary: of(nothing, (_, attempt) => ({
        is: 'spawned',
        job: JOB,
        attempt,
        shepherd: ref(attempt),
        trainer: ref(attempt + 1),
      })),
    },
    of(fc.tuple(from, fc.boolean()), ([at, permanent], attempt) => ({
      is: 'spawn_failed',
      job: JOB,
      attempt,
      reason: 'no such program',
      permanent,
      from: at,
    })),
    of(nothing, (_, attempt) => ({
      is: 'adopted',
      job: JOB,
      attempt,
      shepherd: ref(attempt),
      trainer: ref(attempt + 1),
    })),
    of(nothing, (_, attempt) => ({ is: 'never_ran', job: JOB, attempt })),
    {
      weight: 6,
      arbitrary: of(
        fc.record({
          step: fc.option(fc.integer({ min: 1, max: 40 }), { nil: null }),
          loss: fc.constantFrom(null, 0.5, Number.NaN),
          phases: fc.constantFrom(null, ...PHASE_LISTS),
        }),
        (beat, attempt) => ({
          is: 'beat',
          job: JOB,
          attempt,
          beat: { total: null, epoch: null, ...beat },
        }),
      ),
    },
    {
      weight: 6,
      arbitrary: of(fc.boolean(), (storage_wait, attempt) => ({
        is: 'outside',
        job: JOB,
        attempt,
        cpu_seconds: 0,
        io_bytes: 0,
        log_bytes: 0,
        gpu_ratio: null,
        storage_wait,
      })),
    },
    of(fc.constantFrom('T', 'S', 'D'), (letter, attempt) => ({
      is: 'process_state',
      job: JOB,
      attempt,
      letter,
    })),
    {
      weight: 2,
      arbitrary: of(nothing, (_, attempt) => ({
        is: 'evidence',
        job: JOB,
        attempt,
        path: '/e',
        files: 1,
        seconds: 1,
      })),
    },
    of(nothing, (_, attempt) => ({
      is: 'killed',
      job: JOB,
      attempt,
      seconds: 1,
      escalated: false,
    })),
    of(nothing, (_, attempt) => ({
      is: 'unkillable',
      job: JOB,
      attempt,
      survivors: [1],
      why: 'state D',
    })),
    of(nothing, () => ({ is: 'leftovers', job: JOB, survivors: [1], why: 'state D' })),
    {
      weight: 6,
      arbitrary: of(fc.tuple(exit, tails, from, lost), ([how, tail, at, gpu_lost], attempt) => ({
        is: 'exited',
        job: JOB,
        attempt,
        ending: {
          ...{ exit: how, tail, artefact: 'absent', rebooted: false, oom_killed: false },
          gpu_lost,
        },
        from: at,
        artefact_path: '/out/lora.safetensors',
      })),
    },
    of(fc.integer({ min: 1, max: 40 }), (step) => ({
      is: 'checkpoint',
      job: JOB,
      checkpoint: { step, path: `/c${step}`, bytes: 10 },
    })),
    of(fc.integer({ min: 1, max: 40 }), (step, attempt) => ({
      is: 'weights',
      job: JOB,
      attempt,
      checkpoint: { step, path: `/c${step}`, bytes: 10 },
      where: 'model.safetensors: a',
    })),
    of(fc.integer({ min: 1, max: 40 }), (step) => ({
      is: 'quarantined',
      job: JOB,
      step,
      path: `/c${step}`,
      to: '/q',
      reason: 'torn',
    })),
    of(nothing, () => ({
      is: 'room',
      job: JOB,
      free_bytes: 1e9,
      needed_bytes: 1,
      pruned: [],
      pruned_bytes: 0,
    })),
  );
})();

interface Step {
  readonly seen: Observation;
  readonly events: readonly Event[];
  readonly commands: readonly Command[];
}

const rules: Policy = {
  ...policy,
  hang: { ...policy.hang, floor_seconds: 4, idle_seconds: 6, network_seconds: 6 },
  retry: { ...policy.retry, limits: { network: 3 }, ceiling: 5 },
};

/** What would come next on a real machine, so that a sequence gets somewhere: `pick` chooses. */
function sensible(core: Core, pick: number): Observation {
  const job = core.state.jobs[JOB];
  const run = job?.run ?? { at: 'queued' as const };
  const attempt = job?.attempt ?? 0;
  const about = { job: JOB, attempt };
  const nothing: Observation = { is: 'tick' };
  const exited = (code: number): Observation => ({
    is: 'exited',
    ...about,
    ending: {
      exit: { code, signal: null },
      tail: [],
      artefact: 'absent',
      rebooted: false,
      oom_killed: pick % 2 === 0,
    },
    from: null,
    artefact_path: null,
  });
  const found: Observation = { is: 'adopted', ...about, shepherd: ref(1), trainer: ref(2) };
  const back: Observation = { is: 'daemon_up', pid: 1, version: '1', boot_id: 'boot' };
  const choices: Record<string, readonly Observation[]> = {
    queued: [{ is: 'prepared', job: JOB, from: null }, nothing],
    waiting: [{ is: 'prepared', job: JOB, from: null }, nothing],
    starting: [{ is: 'spawned', ...about, shepherd: ref(1), trainer: ref(2) }, exited(1), back],
    running: [
      exited(1),
      {
        is: 'beat',
        ...about,
        beat: { step: pick % 50, total: null, epoch: null, loss: null, phases: null },
      },
      {
        is: 'outside',
        ...about,
        cpu_seconds: 0,
        io_bytes: 0,
        log_bytes: 0,
        gpu_ratio: null,
        storage_wait: false,
      },
      nothing,
      nothing,
    ],
    ending: [
      { is: 'evidence', ...about, path: '/e', files: 1, seconds: 1 },
      exited(1),
      back,
      found,
    ],
    holding: [
      { is: 'room', job: JOB, free_bytes: 1e9, needed_bytes: 1, pruned: [], pruned_bytes: 0 },
    ],
    failed: [nothing, { is: 'prepared', job: JOB, from: null }],
  };
  const list = choices[run.at] ?? [nothing];
  return list[pick % list.length] ?? nothing;
}

type Move = readonly [seconds: number, next: ((attempt: number) => Observation) | number];

function play(sequence: readonly Move[]) {
  let core: Core = initialCore();
  const steps: Step[] = [];
  const entries: Entry[] = [];
  let mono = 1000;
  const see = (seen: Observation): void => {
    const wall = 1_700_000_000 + mono;
    const decision = decide(core, seen, { mono, wall }, rules);
    for (const [i, event] of decision.events.entries())
      entries.push({ ...event, seq: core.state.seq + i + 1, time: wall });
    core = decision.core;
    steps.push({ seen, events: decision.events, commands: decision.commands });
  };
  see({ is: 'queue', spec: spec({ target_step: 1000 }) });
  for (const [seconds, next] of sequence) {
    mono += seconds;
    see(typeof next === 'number' ? sensible(core, next) : next(core.state.jobs[JOB]?.attempt ?? 0));
  }
  return { core, steps, entries };
}

const sequences = fc.array(
  fc.tuple(
    fc.constantFrom(0, 0.25, 1, 1, 3, 4.9, 20),
    fc.oneof({ weight: 4, arbitrary: fc.nat(1000) }, { weight: 1, arbitrary: anything }),
  ),
  { minLength: 20, maxLength: 150, size: 'max' },
);

/** What a law of the core's decisions is broken by, or null. */
type Law = () => (step: Step) => string | null;

function holds(law: Law): void {
  fc.assert(
    fc.property(sequences, (sequence) => {
      const check = law();
      for (const step of play(sequence).steps) expect(check(step)).toBeNull();
    }),
    { numRuns: 400 },
  );
}

test('the sequences of this file get everywhere', () => {
  const reached = new Set<string>();
  for (const sequence of fc.sample(sequences, { numRuns: 400, seed: 1 })) {
    for (const { events, commands } of play(sequence).steps) {
      for (const event of events) {
        reached.add(event.type);
        if (event.type === 'attempt_ended') reached.add(`of ${event.cause}`);
      }
      for (const command of commands) reached.add(`do ${command.do}`);
    }
  }
  for (const wanted of ['hang_confirmed', 'evidence_saved', 'job_failed', 'trainer_unkillable'])
    expect(reached).toContain(wanted);
  for (const wanted of ['of network', 'of preempted', 'of nan', 'of host_bad', 'of oom'])
    expect(reached).toContain(wanted);
  for (const wanted of ['do spawn', 'do kill', 'do adopt', 'do prepare'])
    expect(reached).toContain(wanted);
});

const ENDED: readonly Observation['is'][] = ['exited', 'never_ran', 'spawn_failed'];

describe('whatever is observed, in whatever order', () => {
  test('no attempt is spawned before the one before it was seen to end', () => {
    holds(() => {
      let alive: number | null = null;
      return ({ seen, commands }) => {
        if (ENDED.includes(seen.is) && 'attempt' in seen && seen.attempt === alive) alive = null;
        for (const command of commands) {
          if (command.do !== 'spawn') continue;
          if (alive !== null) return `spawn of ${command.attempt} beside ${alive}`;
          alive = command.attempt;
        }
        return null;
      };
    });
  });

  test('nothing is started after a permanent failure unless a person asks, nor on a machine found bad', () => {
    holds(() => {
      let over = false;
      let bad = false;
      return ({ seen, events, commands }) => {
        if (seen.is === 'queue' || seen.is === 'resume') over = false;
        const spawns = commands.some((command) => command.do === 'spawn');
        if (spawns && (over || bad))
          return `a spawn after ${over ? 'a permanent failure' : 'host_bad'}`;
        for (const event of events) {
          if (event.type === 'job_failed' && event.cause === 'permanent') over = true;
          if (event.type === 'trainer_unkillable') bad = true;
          if (event.type === 'job_holding' && event.cause === 'host_bad') bad = true;
        }
        return null;
      };
    });
  });

  test('attempts without a gained checkpoint are bounded by retry.ceiling, and by what the network has of its own', () => {
    holds(() => {
      let attempts = 0;
      let away = 0;
      let gained = 0;
      return ({ seen, events }) => {
        if (seen.is === 'queue' || seen.is === 'resume') attempts = away = 0;
        for (const event of events) {
          if (event.type === 'job_queued') gained = 0;
          if (event.type === 'attempt_starting') attempts += 1;
          if (event.type === 'attempt_ended' && event.cause === 'network') {
            attempts -= 1;
            away += 1;
          }
          // The scheduler's doing, as often as it likes.
          if (event.type === 'attempt_ended' && event.cause === 'preempted') attempts -= 1;
          // Never run, so nothing was spent on it.
          if (event.type === 'attempt_abandoned') attempts -= 1;
          if (event.type === 'checkpoint_verified' && event.step > gained) {
            gained = event.step;
            attempts = away = 0;
          }
        }
        const most = (rules.retry.limits.network ?? 0) + 1;
        if (away > most) return `${away} attempts without a network`;
        return attempts <= rules.retry.ceiling ? null : `${attempts} attempts`;
      };
    });
  });

  test('nothing is begun between a scheduler’s word and the next daemon', () => {
    holds(() => {
      let leaving = false;
      return ({ seen, commands }) => {
        if (seen.is === 'daemon_up') leaving = false;
        const begun = commands.find((one) => one.do === 'spawn' || one.do === 'prepare');
        if (seen.is === 'daemon_stopping') leaving = true;
        return leaving && begun !== undefined ? `${begun.do} while it leaves` : null;
      };
    });
  });

  test('an attempt is preempted only by a scheduler that had spoken while it ran', () => {
    holds(() => {
      let told = 0;
      let latest = 0;
      return ({ seen, events }) => {
        for (const event of events) {
          if (event.type === 'attempt_starting') latest = event.attempt;
          if (
            event.type === 'attempt_ended' &&
            event.cause === 'preempted' &&
            told !== event.attempt
          )
            return `attempt ${event.attempt} preempted, ${told} was told to go`;
        }
        if (seen.is === 'daemon_stopping') told = latest;
        return null;
      };
    });
  });

  test('no kill without evidence saved of that attempt, unless a person asked for the stop', () => {
    holds(() => {
      const free = new Set<number>();
      let latest = 0;
      return ({ events, commands }) => {
        for (const event of events) {
          if (event.type === 'attempt_starting') latest = event.attempt;
          if (event.type === 'evidence_saved') free.add(event.attempt);
          if (event.type === 'stop_requested') free.add(latest);
        }
        const killed = commands.find((command) => command.do === 'kill');
        return killed?.do !== 'kill' || free.has(killed.attempt)
          ? null
          : `attempt ${killed.attempt} killed without evidence`;
      };
    });
  });

  test('the state is the one that the journal rebuilds', () => {
    fc.assert(
      fc.property(sequences, (sequence) => {
        const { core, entries } = play(sequence);
        expect(fold(JSON.parse(JSON.stringify(entries)) as Entry[])).toEqual(core.state);
      }),
      { numRuns: 400 },
    );
  });
});
