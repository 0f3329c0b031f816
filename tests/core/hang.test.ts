import { describe, expect, test } from '@jest/globals';
import { quantile } from '../../daemon/core/index.js';
import { each, Night, policy, spec } from './night.js';

/** Steps of 0.5 s, long enough that the budget is learned: 3 × 0.5 s, clamped to the floor of 10 s. */
const learned = (): Night => new Night().start({ target_step: 100_000 }).steps(200, 0.5);

/** Lets the outside be sampled as the edges do when asked: twice a second. */
function sampled(night: Night, cpuPerSecond: number): () => void {
  let cpu = 0;
  let due = night.mono;
  return () => {
    cpu += cpuPerSecond * 0.25;
    if (night.mono < due || !night.does('observe')) return;
    due = night.mono + 0.5;
    night.outside(cpu);
  };
}

describe('a step loop that stops', () => {
  test('is suspected first, confirmed by idleness, and evidence comes before the kill', () => {
    const night = learned();
    night.pass(12, sampled(night, 0));
    expect(night.of('suspicion_raised')).toHaveLength(1);
    const [hang] = night.of('hang_confirmed');
    expect(hang?.phase).toBe('step');
    expect(hang?.silent_seconds).toBeGreaterThanOrEqual(10);
    expect(hang?.silent_seconds).toBeLessThan(11);
    expect(night.job.run).toMatchObject({ at: 'ending', why: 'hang', evidence: false });
    night.see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 3, seconds: 0.1 });
    expect(night.commands).toEqual([{ do: 'kill', job: 'lora', attempt: 1 }]);
    night.exit({ signal: 'SIGTERM' });
    expect(night.of('attempt_ended').at(-1)?.cause).toBe('hang');
    expect(night.job.attempts_by_cause).toEqual({ start: 1, hang: 1 });
  });

  test('a heartbeat that goes on without a step fools nobody', () => {
    const night = learned();
    const look = sampled(night, 0.01);
    night.pass(12, () => {
      look();
      night.beat({ step: 200 });
    });
    expect(night.of('hang_confirmed')).toHaveLength(1);
  });

  test('a busy process is left alone up to the ceiling, and no longer', () => {
    const night = new Night({ ...policy, hang: { ...policy.hang, ceilings: each(120) } })
      .start()
      .steps(60, 0.5);
    const look = sampled(night, 1);
    night.pass(100, look);
    expect(night.of('hang_confirmed')).toHaveLength(0);
    night.pass(25, look);
    expect(night.of('hang_confirmed')[0]?.why).toContain('ceiling');
  });

  test('a suspicion that progress ends is counted as self-resolved and nothing else happens', () => {
    const night = learned();
    night.pass(8, sampled(night, 1)).beat({ step: 201 });
    expect(night.of('suspicion_resolved')).toMatchObject([{ by: 'progress' }]);
    expect(night.job.tally).toMatchObject({ suspicions: 1, self_resolved: 1, hangs: 0 });
  });
});

describe('phases', () => {
  test('an expired outer phase is not masked by inner ones opened afresh again and again', () => {
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
    expect(night.of('hang_confirmed')).toHaveLength(1);
  });

  test('a long sampling pass between two steps raises nothing', () => {
    const night = new Night().start({ target_step: 100_000 });
    night.beat({ phases: ['step'] }).steps(200, 1);
    night.beat({ phases: ['step', 'sample'] });
    night.pass(300, sampled(night, 0));
    night.beat({ phases: ['step'] }).steps(5, 1);
    expect(night.of('suspicion_raised')).toEqual([]);
    expect(night.job.learned.sample?.n).toBe(1);
  });

  test('a phase left open by a dead attempt does not outlive it', () => {
    const night = learned();
    night.beat({ phases: ['step', 'checkpoint'] });
    night.exit({ signal: 'SIGKILL' }).spawned();
    expect(night.core.watches['lora']?.open).toEqual([]);
    expect(night.core.watches['lora']?.main.name).toBe('startup');
  });
});

describe('time that nobody lived through', () => {
  test('a daemon that stood still arms its clocks anew instead of firing', () => {
    const night = learned();
    night.skip(4000).see({ is: 'tick' });
    expect(night.of('hang_confirmed')).toEqual([]);
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
    for (let t = 0; t < 30; t += 0.25) {
      night
        .skip(0.25)
        .see({ is: 'process_state', job: 'lora', attempt: 1, letter: t % 3 === 2.75 ? 'S' : 'T' });
    }
    expect(night.of('trainer_continued')).toHaveLength(3);
  });
});

test('the second night knows what the first one learned', () => {
  const night = learned().exit({ code: 0 }, { artefact: 'whole' });
  night.see({ is: 'queue', spec: spec({ name: 'second' }) });
  night.see({ is: 'queue', spec: spec({ name: 'stranger', profile: 'other' }) });
  const { second, stranger } = night.core.state.jobs;
  expect(second?.learned).toEqual(night.job.learned);
  expect(stranger?.learned).toEqual({});
});

test('the state in memory is the one that the journal rebuilds', () => {
  const night = learned();
  night
    .pass(12, sampled(night, 0))
    .see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 3, seconds: 0.1 });
  night
    .exit({ signal: 'SIGKILL' }, { from: { step: 150, path: '/c', bytes: 1 } })
    .spawned()
    .steps(20, 0.5);
  night.beat({ step: 999, loss: Number.NaN });
  expect(night.rebuilt()).toEqual(night.core.state);
});

test('a phase named step that the trainer reports does not hide the time of its steps', () => {
  const night = new Night().start({ target_step: 100_000 });
  night.beat({ phases: ['step'] });
  for (let i = 1; i <= 50; i += 1) night.skip(2).beat({ step: i, phases: ['step'] });
  expect(quantile(night.job.learned.step ?? { n: 0, bins: {} }, 0.5)).toBeCloseTo(2, 0);
});
