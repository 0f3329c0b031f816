import { describe, expect, test } from '@jest/globals';
import { Night, policy, ref, spec } from './night.js';

const checkpoint = (step: number) => ({ step, path: `/out/step-${step}`, bytes: 10 });

describe('a job from the queue to its end', () => {
  test('starts from the checkpoint it was given, and is done only with status, artefact and step', () => {
    const night = new Night().start().steps(100, 1);
    night.exit({ code: 0 }, { artefact: 'whole' });
    expect(night.job.run).toEqual({ at: 'finished', artefact: '/out/lora.safetensors' });
    expect(night.job.attempts_by_cause).toEqual({ start: 1 });
  });

  test.each([
    ['without the artefact', 100, 'absent'],
    ['with a torn artefact', 100, 'torn'],
    ['before the last step', 99, 'whole'],
  ] as const)('exit 0 %s is a failure and the job is tried again', (_what, steps, artefact) => {
    const night = new Night().start().steps(steps, 1);
    night.exit({ code: 0 }, { artefact });
    expect(night.of('attempt_ended').at(-1)?.cause).toBe('exit_early');
    expect(night.job.attempt).toBe(2);
    expect(night.does('spawn')).toBe(true);
  });

  test('resuming a finished run is success: no step of its own, but the checkpoint stands at the end', () => {
    const night = new Night();
    night.see({
      is: 'queue',
      spec: {
        name: 'lora',
        trainer: 'command',
        target_step: 100,
        has_artefact: true,
        plan: {},
        profile: 'p',
      },
    });
    night.see({ is: 'prepared', job: 'lora', from: checkpoint(100) }).spawned();
    night.exit({ code: 0 }, { artefact: 'whole' });
    expect(night.job.run.at).toBe('finished');
  });

  test('a crash restarts at once from the checkpoint and counts the steps to make again', () => {
    const night = new Night().start().steps(30, 1);
    night.exit({ signal: 'SIGKILL' }, { from: checkpoint(25) });
    expect(night.commands).toEqual([
      {
        do: 'spawn',
        job: 'lora',
        attempt: 2,
        from: checkpoint(25),
        knobs: { oom: 0, host_oom: 0, nan: 0 },
      },
    ]);
    expect(night.job.tally.lost_steps).toBe(5);
    night.spawned().skip(3).beat({ step: 26 });
    expect(night.of('recovered')).toEqual([
      { type: 'recovered', job: 'lora', attempt: 2, cause: 'crash', seconds: 3, lost_steps: 5 },
    ]);
  });

  test('the second job waits until the first is over', () => {
    const night = new Night().start();
    night.see({
      is: 'queue',
      spec: {
        name: 'two',
        trainer: 'command',
        target_step: null,
        has_artefact: false,
        plan: {},
        profile: 'p',
      },
    });
    night.pass(1);
    expect(night.core.state.jobs['two']?.run.at).toBe('queued');
    night.steps(100, 0.1).exit({ code: 0 }, { artefact: 'whole' });
    expect(night.commands).toContainEqual({ do: 'prepare', job: 'two', below: null });
  });
});

describe('requests', () => {
  test('a job of a name that is busy is refused and changes nothing', () => {
    const night = new Night().start();
    const before = night.core.state;
    night.see({
      is: 'queue',
      spec: {
        name: 'lora',
        trainer: 'command',
        target_step: 1,
        has_artefact: false,
        plan: {},
        profile: 'p',
      },
    });
    expect(night.core.state).toBe(before);
  });

  test('stop kills without evidence and ends as stopped, whatever the exit status was', () => {
    const night = new Night().start().steps(5, 1);
    night.see({ is: 'stop', job: 'lora' });
    expect(night.commands).toEqual([{ do: 'kill', job: 'lora', attempt: 1 }]);
    night.exit({ signal: 'SIGTERM' });
    expect(night.job.run.at).toBe('stopped');
    night.see({ is: 'resume', job: 'lora' });
    expect(night.does('prepare')).toBe(true);
    night.see({ is: 'prepared', job: 'lora', from: checkpoint(4) });
    expect(night.job.attempts_by_cause).toEqual({ start: 1, resume: 1 });
  });

  test('asked to stop while it is being spawned, it is killed once it is there', () => {
    const night = new Night();
    night.see({
      is: 'queue',
      spec: {
        name: 'lora',
        trainer: 'command',
        target_step: 1,
        has_artefact: false,
        plan: {},
        profile: 'p',
      },
    });
    night.see({ is: 'prepared', job: 'lora', from: null });
    night.see({ is: 'stop', job: 'lora' });
    expect(night.does('kill')).toBe(true);
    night.spawned();
    expect(night.job.run.at).toBe('ending');
  });
});

describe('a daemon that comes back', () => {
  test('looks for every attempt the journal left open before it starts anything', () => {
    const night = new Night().start().steps(5, 1);
    night.core = { ...night.core, watches: {} };
    night.see({ is: 'daemon_up', pid: 7, version: '1', boot_id: 'boot' });
    expect(night.commands).toEqual([{ do: 'adopt', job: 'lora', attempt: 1 }]);
    night.pass(1);
    expect(night.does('spawn')).toBe(false);
    night.see({ is: 'adopted', job: 'lora', attempt: 1, shepherd: ref(10), trainer: ref(11) });
    expect(night.job.run).toEqual({
      at: 'running',
      attempt: 1,
      shepherd: ref(10),
      trainer: ref(11),
    });
    expect(night.job.attempt).toBe(1);
  });

  test('an attempt that was never run is given up and the next one started', () => {
    const night = new Night();
    night.see({
      is: 'queue',
      spec: {
        name: 'lora',
        trainer: 'command',
        target_step: 1,
        has_artefact: false,
        plan: {},
        profile: 'p',
      },
    });
    night.see({ is: 'prepared', job: 'lora', from: null });
    night.see({ is: 'daemon_up', pid: 7, version: '1', boot_id: 'boot' });
    night.see({ is: 'never_ran', job: 'lora', attempt: 1 });
    expect(night.does('prepare')).toBe(true);
    night.see({ is: 'prepared', job: 'lora', from: null });
    expect(night.job.attempt).toBe(2);
  });

  test('a kill that the last daemon decided on is carried out', () => {
    const night = new Night().start().steps(20, 0.1);
    night.see({ is: 'stop', job: 'lora' });
    night.see({ is: 'daemon_up', pid: 7, version: '1', boot_id: 'boot' });
    night.see({ is: 'adopted', job: 'lora', attempt: 1, shepherd: ref(10), trainer: ref(11) });
    expect(night.commands).toEqual([{ do: 'kill', job: 'lora', attempt: 1 }]);
  });

  test('steps that were made unwatched teach nothing about the time of a step', () => {
    const night = new Night().start().steps(20, 1);
    const learned = night.job.learned;
    night.core = { ...night.core, watches: {} };
    night.see({ is: 'daemon_up', pid: 7, version: '1', boot_id: 'boot' });
    night.see({ is: 'adopted', job: 'lora', attempt: 1, shepherd: ref(10), trainer: ref(11) });
    night.skip(0.1).beat({ step: 60 });
    expect(night.job.learned).toEqual(learned);
    expect(night.job.progress.step).toBe(60);
  });
});

describe('budgets', () => {
  test('failures of one cause without a step stop the job at the limit', () => {
    const night = new Night().start();
    for (let i = 0; i < 3; i += 1) {
      night.exit({ signal: 'SIGSEGV' });
      if (night.job.run.at === 'waiting')
        night.pass(5).see({ is: 'prepared', job: 'lora', from: null });
      if (night.job.run.at === 'starting') night.spawned();
    }
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'crash' });
    expect(night.job.attempt).toBe(3);
  });

  test('a new cause each time ends at the ceiling all the same, steps or no steps', () => {
    const night = new Night().start();
    for (let i = 0; i < 20 && night.job.run.at !== 'failed'; i += 1) {
      night.steps(i + 2, 1);
      night.exit(i % 2 === 0 ? { signal: 'SIGSEGV' } : { code: 9 }, {
        tail: [`Error: number ${i}`],
      });
      if (night.job.run.at === 'starting') night.spawned();
    }
    expect(night.job.run.at).toBe('failed');
    expect(night.job.attempt).toBe(policy.retry.ceiling);
  });

  test('a gained checkpoint refunds, the same one again does not', () => {
    const night = new Night().start().steps(10, 1);
    night.exit({ signal: 'SIGKILL' }).spawned();
    expect(night.job.budget.total).toBe(1);
    night.see({ is: 'checkpoint', job: 'lora', checkpoint: checkpoint(10) });
    expect(night.job.budget.total).toBe(0);
    night.exit({ signal: 'SIGKILL' }, { from: checkpoint(10) }).spawned();
    night.see({ is: 'checkpoint', job: 'lora', checkpoint: checkpoint(10) });
    expect(night.job.budget.total).toBe(1);
  });

  test('the wait grows only while no step is gained', () => {
    const night = new Night({
      ...policy,
      retry: { ...policy.retry, limits: { crash: 9 } },
    }).start();
    const waits: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      night.exit({ signal: 'SIGSEGV' });
      waits.push(night.job.run.at === 'waiting' ? night.job.run.until - night.wall : 0);
      if (night.job.run.at === 'waiting')
        night.pass(20).see({ is: 'prepared', job: 'lora', from: null });
      night.spawned();
    }
    expect(waits).toEqual([0, 1, 2, 4, 8]);
    night.steps(3, 1).exit({ signal: 'SIGSEGV' });
    expect(night.job.run.at).toBe('starting');
  });

  test('a permanent error stops at the first proof, with what to do', () => {
    const night = new Night().start();
    night.exit({ code: 1 }, { tail: ["ModuleNotFoundError: No module named 'peft'"] });
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'permanent' });
    expect(night.job.run).toHaveProperty('remedy', expect.stringContaining('Install'));
  });

  test('the same words late in a training are a crash like any other', () => {
    const night = new Night().start().steps(20, 1);
    night.exit(
      { code: 1 },
      { tail: ["FileNotFoundError: [Errno 2] No such file or directory: '/data/x.png'"] },
    );
    expect(night.job.run.at).toBe('starting');
  });

  test('nothing is started again on a machine found bad', () => {
    const night = new Night().start().steps(20, 0.1);
    night.see({ is: 'stop', job: 'lora' });
    night.see({ is: 'unkillable', job: 'lora', attempt: 1, survivors: [11], why: 'state D' });
    night.see({
      is: 'queue',
      spec: {
        name: 'two',
        trainer: 'command',
        target_step: 1,
        has_artefact: false,
        plan: {},
        profile: 'p',
      },
    });
    night.see({ is: 'resume', job: 'lora' });
    night.pass(5);
    expect(night.job.run).toMatchObject({ at: 'holding', cause: 'host_bad' });
    expect(night.does('prepare')).toBe(false);
  });

  test('leftovers of an earlier life that cannot be ended make the host bad, and hold the job', () => {
    const night = new Night().see({ is: 'queue', spec: spec() });
    expect(night.does('prepare')).toBe(true);
    night.see({ is: 'leftovers', job: 'lora', survivors: [11], why: 'state D' });
    expect(night.job.run).toMatchObject({ at: 'holding', cause: 'host_bad', reason: 'state D' });
    expect(night.core.preparing).toEqual([]);
    night.pass(60);
    expect(night.of('attempt_starting')).toEqual([]);
  });

  test('leftovers found after the job was stopped hold nothing up', () => {
    const night = new Night().see({ is: 'queue', spec: spec() }).see({ is: 'stop', job: 'lora' });
    night.see({ is: 'leftovers', job: 'lora', survivors: [11], why: 'state D' });
    expect(night.job.run.at).toBe('stopped');
    night.see({ is: 'resume', job: 'lora' });
    expect(night.does('prepare')).toBe(true);
  });
});
