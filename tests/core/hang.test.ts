import { describe, expect, test } from '@jest/globals';
import { initialCore } from '../../daemon/core/index.js';
import { each, Night, policy, ref, spec } from './night.js';

/** Steps of 0.5 s, long enough that the budget is learned: 3 × 0.5 s, clamped to the floor of 10 s. */
const learned = (): Night => new Night().start({ target_step: 100_000 }).steps(200, 0.5);

interface Looks {
  readonly cpu?: number;
  readonly log?: number;
  readonly storage?: boolean;
}

/** Answers each look that is asked for, as the edges do; `cpu` in cores, `log` in bytes a second. */
function sampled(night: Night, { cpu = 0, log = 0, storage = false }: Looks = {}): () => void {
  const from = night.mono;
  return () => {
    if (!night.does('observe')) return;
    const seconds = night.mono - from;
    night.outside(cpu * seconds, log * seconds, storage);
  };
}

const hangs = (night: Night) => night.of('hang_confirmed');

describe('a step loop that stops', () => {
  test('is suspected first, confirmed by idleness, and evidence comes before the kill', () => {
    const night = learned();
    night.pass(12, sampled(night));
    expect(night.of('suspicion_raised')).toHaveLength(1);
    const [hang] = hangs(night);
    expect(hang?.phase).toBe('step');
    expect(hang?.silent_seconds).toBeGreaterThanOrEqual(10);
    expect(hang?.silent_seconds).toBeLessThan(11.5);
    expect(night.job.run).toMatchObject({ at: 'ending', why: 'hang', evidence: false });
    night.see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 3, seconds: 0.1 });
    expect(night.commands).toEqual([{ do: 'kill', job: 'lora', attempt: 1 }]);
    night.exit({ signal: 'SIGTERM' });
    expect(night.of('attempt_ended').at(-1)?.cause).toBe('hang');
    expect(night.job.attempts_by_cause).toEqual({ start: 1, hang: 1 });
  });

  test('a heartbeat that goes on without a step fools nobody', () => {
    const night = learned();
    const look = sampled(night, { cpu: 0.01 });
    night.pass(12, () => {
      look();
      night.beat({ step: 200 });
    });
    expect(hangs(night)).toHaveLength(1);
  });

  test('without a single look from outside nothing is killed below the ceiling', () => {
    const night = learned();
    night.pass(120);
    expect(hangs(night)).toEqual([]);
    expect(night.of('suspicion_raised')).toHaveLength(1);
  });

  test('a busy process is left alone up to the ceiling, and no longer', () => {
    const night = new Night({ ...policy, hang: { ...policy.hang, ceilings: each(120) } })
      .start()
      .steps(60, 0.5);
    const look = sampled(night, { cpu: 1 });
    night.pass(100, look);
    expect(hangs(night)).toEqual([]);
    night.pass(25, look);
    expect(hangs(night)[0]?.why).toContain('ceiling');
  });

  test('a livelock that prints the same again and again with a busy CPU ends earlier where the pauses are known', () => {
    const night = new Night().start({ target_step: 100_000 });
    night.beat({ phases: ['step'] }).steps(200, 0.5);
    night
      .beat({ phases: ['step', 'checkpoint'] })
      .pass(3)
      .beat({ phases: ['step'] })
      .steps(1, 0.5);
    night.pass(890, sampled(night, { cpu: 1 }));
    expect(hangs(night)).toEqual([]);
    night.pass(30, sampled(night, { cpu: 1 }));
    expect(hangs(night)).toHaveLength(1);
  });

  test('a suspicion that progress ends is counted as self-resolved and nothing else happens', () => {
    const night = learned();
    night.pass(25, sampled(night, { cpu: 1 })).beat({ step: 201 });
    expect(night.of('suspicion_resolved')).toMatchObject([{ by: 'progress' }]);
    expect(night.job.tally).toMatchObject({ suspicions: 1, self_resolved: 1, hangs: 0 });
  });
});

describe('outside evidence', () => {
  test('a wait that looks idle within a slow step is not a hang while it is shorter than 2 of them', () => {
    const night = new Night().start({ target_step: 100_000 }).steps(200, 10);
    night.pass(15, sampled(night)).pass(60, sampled(night, { cpu: 1 }));
    expect(hangs(night)).toEqual([]);
  });

  test('a short burst of a background thread does not hide idleness', () => {
    const night = learned();
    let burst = 0;
    const from = night.mono;
    night.pass(13, () => {
      if (night.mono - from > 8) burst = 0.15;
      if (night.does('observe')) night.outside(0.02 * (night.mono - from) + burst);
    });
    expect(hangs(night)).toHaveLength(1);
  });

  test('output that says something new is a sign of life', () => {
    const night = learned();
    night.pass(60, sampled(night, { log: 100 }));
    expect(hangs(night)).toEqual([]);
  });

  test('a process that waits for storage is told as a suspicion and waited for', () => {
    const night = learned();
    night.pass(600, sampled(night, { storage: true }));
    expect(hangs(night)).toEqual([]);
    expect(night.of('suspicion_raised')).toHaveLength(1);
    night.beat({ step: 201 });
    expect(night.of('suspicion_resolved')).toMatchObject([{ by: 'progress' }]);
  });

  test('between two waits for storage it looks idle, and is not taken for hung', () => {
    const night = learned();
    let looks = 0;
    night.pass(120, () => {
      if (night.does('observe')) night.outside(0, 0, looks++ % 4 === 0);
    });
    expect(looks).toBeGreaterThan(20);
    expect(hangs(night)).toEqual([]);
  });

  test('storage that never comes back ends at the ceiling of the phase', () => {
    const night = learned();
    night.pass(3590, sampled(night, { storage: true }));
    expect(hangs(night)).toEqual([]);
    night.pass(30, sampled(night, { storage: true }));
    expect(hangs(night)).toHaveLength(1);
  });

  test('work that goes on beyond a step and then looks idle is given more time: a pass nobody reported', () => {
    const night = learned();
    night.pass(40, sampled(night, { cpu: 1 }));
    const idle = (): void => {
      if (night.does('observe')) night.outside(40);
    };
    night.pass(18, idle);
    expect(hangs(night)).toEqual([]);
    night.pass(20, idle);
    expect(hangs(night)).toHaveLength(1);
  });
});

describe('phases without a history', () => {
  test.each(['load', 'cache', 'first_step', 'checkpoint', 'sample', 'validate', 'own-name'])(
    'an idle %s is a hang within seconds, not after its default of ten minutes',
    (phase) => {
      const night = new Night().start().beat({ phases: [phase] });
      night.pass(40, sampled(night));
      expect(hangs(night)).toMatchObject([{ phase: expect.any(String) }]);
      expect(hangs(night)[0]?.silent_seconds).toBeLessThan(35);
    },
  );

  test('each attempt that hung without a step doubles the patience: a wrong verdict ends by itself', () => {
    const night = new Night({ ...policy, retry: { ...policy.retry, limits: {} } }).start();
    const silences: number[] = [];
    for (let i = 0; i < 4; i += 1) {
      night.pass(400, sampled(night));
      silences.push(hangs(night).at(-1)?.silent_seconds ?? 0);
      night.see({
        is: 'evidence',
        job: 'lora',
        attempt: night.job.attempt,
        path: '/e',
        files: 1,
        seconds: 0,
      });
      night.exit({ signal: 'SIGTERM' }).pass(5);
      if (night.job.run.at === 'queued' || night.job.run.at === 'waiting')
        night.see({ is: 'prepared', job: 'lora', from: null });
      night.spawned();
    }
    for (const [i, wanted] of [30, 60, 120, 240].entries()) {
      expect(silences[i]).toBeGreaterThanOrEqual(wanted);
      expect(silences[i]).toBeLessThan(wanted * 1.2 + 8);
    }
  });

  test('a long start-up of a trainer that says nothing is only suspected', () => {
    const night = new Night().start();
    night.pass(3000, sampled(night, { cpu: 1 }));
    expect(hangs(night)).toEqual([]);
  });
});

describe('phases', () => {
  test('so is one of a trainer that named a part of it, and whose part has ended', () => {
    const rules = { ...policy.hang, ceilings: { ...each(3600), startup: 200 } };
    const night = new Night({ ...policy, hang: rules }).start();
    night.pass(5).beat({ phases: ['load'] });
    night.pass(5).beat({ phases: [] });
    const look = sampled(night, { cpu: 1 });
    night.pass(700, () => {
      look();
      night.beat({ phases: [] });
    });
    expect(night.of('suspicion_raised')).toHaveLength(1);
    expect(hangs(night)).toEqual([]);
  });

  test('beats that name no phase do not hide that it is idle', () => {
    const night = new Night().start();
    night
      .beat({ phases: ['load'] })
      .pass(5)
      .beat({ phases: [] });
    const look = sampled(night);
    night.pass(700, () => {
      look();
      night.beat({ phases: [] });
    });
    expect(hangs(night)).toHaveLength(1);
  });

  test('NVRx #section-timeout: an expired outer phase is not masked by inner ones opened afresh again and again', () => {
    const night = new Night({
      ...policy,
      hang: { ...policy.hang, defaults: each(20), ceilings: each(60) },
    })
      .start({ target_step: 100_000 })
      .steps(100, 0.5);
    let n = 0;
    night.pass(200, () => {
      n += 1;
      if (night.job.run.at === 'running')
        night.beat({ phases: n % 8 < 4 ? ['step', 'checkpoint'] : ['step'] });
    });
    expect(hangs(night)).toHaveLength(1);
  });

  test('dlrover #1749, the dangling checkpoint: a phase left open by a dead attempt does not outlive it', () => {
    const night = learned();
    night.beat({ phases: ['step', 'checkpoint'] });
    night.exit({ signal: 'SIGKILL' }).spawned();
    expect(night.core.watches['lora']?.open).toEqual([]);
    expect(night.core.watches['lora']?.main.name).toBe('startup');
    night.pass(20).beat({ phases: ['load'] });
    night.pass(200, sampled(night, { cpu: 1 }));
    expect(hangs(night)).toEqual([]);
  });

  test('a long sampling pass between two steps raises nothing', () => {
    const night = new Night().start({ target_step: 100_000 });
    night.beat({ phases: ['step'] }).steps(200, 1);
    night.beat({ phases: ['step', 'sample'] });
    night.pass(480, sampled(night, { cpu: 1 }));
    night.beat({ phases: ['step'] }).steps(5, 1);
    expect(night.of('suspicion_raised')).toEqual([]);
    expect(night.job.learned.sample?.n).toBe(1);
  });

  test('the same pass is survived where nothing is reported', () => {
    const night = new Night().start({ target_step: 100_000 }).steps(200, 1);
    night.pass(480, sampled(night, { cpu: 1 })).steps(5, 1);
    expect(hangs(night)).toEqual([]);
    expect(night.job.attempt).toBe(1);
  });

  test('a phase left open while steps go on does no harm, and steps inside it are judged as steps', () => {
    const night = new Night().start({ target_step: 100_000 });
    night.beat({ phases: ['step', 'checkpoint'] }).steps(300, 0.5);
    expect(night.of('suspicion_raised')).toEqual([]);
    night.pass(13, sampled(night));
    expect(hangs(night)[0]?.silent_seconds).toBeLessThan(12);
  });

  test('steps bracketed by a phase named step are timed', () => {
    const night = new Night().start({ target_step: 100_000 });
    night.beat({ phases: ['step'] }).steps(200, 2);
    night
      .pass(3)
      .beat({ phases: ['step', 'checkpoint'] })
      .pass(30)
      .beat({ phases: ['step'] });
    night.steps(1, 0.1).pass(1.5);
    const { from = 0, counts = [] } = night.job.learned.step ?? {};
    expect(1e-4 * 1.1 ** from).toBeGreaterThan(1.8);
    expect(1e-4 * 1.1 ** (from + counts.length - 1)).toBeLessThan(3.5);
  });
});

describe('what a job is used to', () => {
  test('one step of ten minutes changes the verdict on the next one by nothing', () => {
    const night = learned();
    night
      .pass(600, sampled(night, { cpu: 1 }))
      .beat({ step: 201 })
      .steps(20, 0.5);
    night.pass(13, sampled(night));
    expect(hangs(night)[0]?.silent_seconds).toBeLessThan(12);
  });

  test('one save of ten minutes among few counts for no more than twice the next longest', () => {
    const night = new Night().start({ target_step: 100_000 });
    night.beat({ phases: ['step'] }).steps(100, 0.5);
    for (const seconds of [10, 11, 600, 10]) {
      night.beat({ phases: ['step', 'checkpoint'] });
      night
        .pass(seconds, sampled(night, { cpu: 1 }))
        .beat({ phases: ['step'] })
        .steps(20, 0.5);
    }
    night.beat({ phases: ['step', 'checkpoint'] }).pass(60, sampled(night));
    expect(hangs(night)[0]?.silent_seconds).toBeLessThan(40);
  });

  test('a trainer that gets ten times slower over an hour is not taken for one that stopped', () => {
    const night = new Night().start({ target_step: 100_000 }).steps(300, 2);
    const look = sampled(night, { cpu: 0.5 });
    for (let step = 301, took = 2; took < 20; step += 1, took *= 1.01) {
      night.pass(took, look).beat({ step });
    }
    expect(hangs(night)).toEqual([]);
  });

  test('an attempt after a slow one is judged by its own steps, not by the history alone', () => {
    const night = new Night().start({ target_step: 100_000 }).steps(200, 20);
    night.exit({ signal: 'SIGKILL' }).spawned().steps(25, 1);
    night.pass(30, sampled(night));
    expect(hangs(night)[0]?.silent_seconds).toBeLessThan(12);
  });

  test('a trainer that names its pauses is at a step when it says so: work before the wait is no excuse', () => {
    const night = new Night()
      .start({ target_step: 100_000 })
      .beat({ phases: ['step'] })
      .steps(100, 0.5);
    night
      .beat({ phases: ['step', 'checkpoint'] })
      .pass(3)
      .beat({ phases: ['step'] })
      .steps(5, 0.5);
    night.pass(18, sampled(night, { cpu: 1 }));
    const idle = (): void => {
      if (night.does('observe')) night.outside(18);
    };
    night.pass(14, idle);
    expect(hangs(night)).toHaveLength(1);
  });

  test('what was slow is forgotten within some hundred steps', () => {
    const night = new Night().start({ target_step: 100_000 }).steps(300, 30).steps(500, 1);
    night.pass(13, sampled(night));
    expect(hangs(night)[0]?.silent_seconds).toBeLessThan(12);
  });

  test('the second night knows what the first one learned', () => {
    const night = learned().exit({ code: 0 }, { artefact: 'whole' });
    night.see({ is: 'queue', spec: spec({ name: 'second' }) });
    night.see({ is: 'queue', spec: spec({ name: 'stranger', profile: 'other' }) });
    const { second, stranger } = night.core.state.jobs;
    expect(second?.learned).toEqual(night.job.learned);
    expect(stranger?.learned).toEqual({});
  });
});

describe('time that nobody lived through', () => {
  test('a daemon that stood still arms its clocks anew instead of firing', () => {
    const night = learned();
    night.skip(4000).see({ is: 'tick' });
    expect(hangs(night)).toEqual([]);
    expect(night.of('clocks_rearmed')).toMatchObject([{ reason: 'daemon_stalled' }]);
    night.pass(5);
    expect(night.of('suspicion_raised')).toEqual([]);
  });

  test.each([
    ['machine_slept', 7200],
    ['wall_clock_jumped', -7200],
  ] as const)('a wall clock that jumps (%s) starts nothing', (reason, seconds) => {
    const night = learned();
    night.wall += seconds;
    night.see({ is: 'tick' });
    expect(night.of('clocks_rearmed')).toMatchObject([{ reason }]);
    expect(night.of('suspicion_raised')).toEqual([]);
  });

  test('neither the step nor the phase it falls into is learned from', () => {
    const night = new Night().start({ target_step: 100_000 });
    night
      .beat({ phases: ['step'] })
      .steps(200, 0.5)
      .pass(1.5);
    const { learned: before } = night.job;
    night
      .beat({ phases: ['step', 'checkpoint'] })
      .skip(300)
      .see({ is: 'tick' });
    night.beat({ step: 201, phases: ['step'] }).pass(2);
    expect(night.job.learned).toEqual(before);
    expect(night.of('phase_left')).toEqual([]);
  });

  test('nor from a phase that was open when another daemon took the trainer up', () => {
    const night = new Night().start({ target_step: 100_000 }).beat({ phases: ['first_step'] });
    night.core = initialCore(night.core.state);
    night.see({ is: 'daemon_up', pid: 2, version: '1', boot_id: 'boot' });
    night.see({ is: 'adopted', job: 'lora', attempt: 1, shepherd: ref(10), trainer: ref(11) });
    night
      .pass(1)
      .beat({ phases: ['first_step'] })
      .pass(2)
      .beat({ step: 1, phases: ['step'] });
    expect(night.of('phase_left')).toEqual([]);
    expect(night.job.learned.first_step).toBeUndefined();
  });

  test('a trainer whose last step was made when another daemon took it up is at its end, and may ask the network', () => {
    const patient = { ...policy, hang: { ...policy.hang, network_seconds: 120 } };
    const night = new Night(patient).start({ target_step: 200 }).steps(200, 0.5);
    night.core = initialCore(night.core.state);
    night.see({ is: 'daemon_up', pid: 2, version: '1', boot_id: 'boot' });
    night.see({ is: 'adopted', job: 'lora', attempt: 1, shepherd: ref(10), trainer: ref(11) });
    night.pass(110, sampled(night));
    expect(hangs(night)).toEqual([]);
    night.pass(20, sampled(night));
    expect(hangs(night)).toMatchObject([{ phase: 'finish' }]);
  });

  test('a suspicion it ends is told', () => {
    const night = learned();
    night.pass(8, sampled(night)).skip(100).see({ is: 'tick' });
    expect(night.of('suspicion_resolved')).toMatchObject([{ by: 'rearm' }]);
    expect(night.job.suspect).toBeNull();
  });
});

describe('a stopped process', () => {
  test('is continued within two seconds and loses nothing', () => {
    const night = learned();
    const stopped = (): void => {
      if (!night.does('continue'))
        night.see({ is: 'process_state', job: 'lora', attempt: 1, letter: 'T' });
    };
    let told = -1;
    for (let t = 0; t < 3 && told < 0; t += 0.25) {
      night.skip(0.25);
      stopped();
      if (night.does('continue')) told = t;
      night.see({ is: 'tick' });
    }
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThan(2);
    expect(night.job.attempt).toBe(1);
    expect(night.of('trainer_continued')).toHaveLength(1);
  });

  test('one that is stopped again and again without a step is not continued for ever', () => {
    const night = learned();
    const stop = (seconds: number): void => {
      for (let t = 0; t < seconds; t += 0.25) {
        night.skip(0.25).see({
          is: 'process_state',
          job: 'lora',
          attempt: 1,
          letter: t % 3 === 2.75 ? 'S' : 'T',
        });
      }
    };
    stop(30);
    expect(night.of('trainer_continued')).toHaveLength(3);
    night.beat({ step: 201 });
    stop(2);
    expect(night.of('trainer_continued')).toHaveLength(4);
  });
});

test('the state in memory is the one that the journal rebuilds', () => {
  const night = learned();
  night
    .pass(12, sampled(night))
    .see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 3, seconds: 0.1 });
  night
    .exit({ signal: 'SIGKILL' }, { from: { step: 150, path: '/c', bytes: 1 } })
    .spawned()
    .steps(20, 0.5);
  night.beat({ step: 999, loss: Number.NaN });
  expect(night.rebuilt()).toEqual(night.core.state);
});
