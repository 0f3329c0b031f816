import { describe, expect, test } from '@jest/globals';
import { Night } from './night.js';

const checkpoint = (step: number) => ({ step, path: `/out/step-${step}`, bytes: 1000 });
const OOM = { code: 1 };
const oom = { tail: ['torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.'] };

describe('out of VRAM', () => {
  test('once as it is, then one declared knob at a time, then stop', () => {
    const night = new Night().start({ knobs: { oom: 2, host_oom: 0, nan: 0 } });
    const turned: number[] = [];
    while (night.job.run.at !== 'failed') {
      night.exit(OOM, oom);
      if (night.job.run.at === 'waiting') {
        night.pass(60).see({ is: 'prepared', job: 'lora', from: null });
      }
      if (night.job.run.at !== 'starting') break;
      turned.push(night.job.knobs.oom);
      night.spawned();
    }
    expect(turned).toEqual([0, 1, 2]);
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'oom' });
  });

  test('without a declared knob the second time is the last, and says so', () => {
    const night = new Night().start();
    night.exit(OOM, oom).spawned();
    night.exit(OOM, oom);
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'oom' });
    expect(night.job.run).toHaveProperty('reason', expect.stringContaining('remedies.oom'));
  });

  test('a knob stays turned after a gained checkpoint, and the retries are refunded', () => {
    const night = new Night().start({ knobs: { oom: 2, host_oom: 0, nan: 0 } });
    night.exit(OOM, oom).spawned();
    night.exit(OOM, oom);
    night.pass(60).see({ is: 'prepared', job: 'lora', from: null }).spawned().steps(20, 1);
    night.see({ is: 'checkpoint', job: 'lora', checkpoint: checkpoint(20) });
    night.exit(OOM, { ...oom, from: checkpoint(20) });
    expect(night.job.knobs.oom).toBe(1);
    expect(night.job.run.at).toBe('starting');
  });
});

test('host RAM: fewer workers at once, then stop at the limit', () => {
  const night = new Night().start({ knobs: { oom: 0, host_oom: 1, nan: 0 } }).steps(5, 1);
  night.exit(
    { code: 1 },
    { tail: ['RuntimeError: DataLoader worker (pid 71) is killed by signal: Killed.'] },
  );
  expect(night.job.knobs.host_oom).toBe(1);
  expect(night.job.attempts_by_cause).toEqual({ start: 1, host_oom: 1 });
});

describe('a loss that is not a number', () => {
  const poisoned = (): Night => {
    const night = new Night().start({ knobs: { oom: 0, host_oom: 0, nan: 1 }, target_step: 1000 });
    night.steps(50, 1);
    for (let step = 51; step <= 56; step += 1) night.skip(1).beat({ step, loss: Number.NaN });
    return night;
  };

  test('is ended with evidence, and the run goes back before its onset with another seed', () => {
    const night = poisoned();
    expect(night.of('nan_confirmed')).toMatchObject([{ onset: 51, step: 56 }]);
    expect(night.commands).toMatchObject([{ do: 'evidence' }]);
    night.see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 1, seconds: 0 });
    night.exit({ signal: 'SIGTERM' }, { from: checkpoint(55) });
    expect(night.commands).toEqual([{ do: 'prepare', job: 'lora', below: 51 }]);
    night.see({ is: 'prepared', job: 'lora', from: checkpoint(50) });
    expect(night.commands).toMatchObject([
      { do: 'spawn', from: checkpoint(50), knobs: { nan: 1 } },
    ]);
  });

  test('a checkpoint saved after the onset gains nothing', () => {
    const night = poisoned();
    const before = night.job.budget;
    night.see({ is: 'checkpoint', job: 'lora', checkpoint: checkpoint(55) });
    expect(night.job.budget).toEqual(before);
  });

  test('in the weights of a checkpoint, where no loss is told, it is ended too', () => {
    const night = new Night().start({ target_step: 1000 }).steps(30, 1);
    night.see({ is: 'checkpoint', job: 'lora', checkpoint: checkpoint(10) });
    const where = 'lora.safetensors: down.weight';
    night.see({ is: 'weights', job: 'lora', attempt: 1, checkpoint: checkpoint(20), where });
    expect(night.of('nan_confirmed')).toMatchObject([{ onset: 20 }]);
    night.see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 1, seconds: 0 });
    night.exit({ signal: 'SIGTERM' }, { from: checkpoint(20) });
    expect(night.of('attempt_ended')).toMatchObject([
      { cause: 'nan', reason: `the weights saved at step 20 are no numbers (${where})` },
    ]);
    expect(night.commands).toEqual([{ do: 'prepare', job: 'lora', below: 20 }]);
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('from the first checkpoint on, beside a loss that is a number, is of a tensor nobody uses', () => {
    const night = new Night().start({ target_step: 1000 }).steps(30, 1);
    night.skip(2).beat({ step: 31, loss: 0.25 });
    const where = 'model.safetensors: unused';
    night.see({ is: 'weights', job: 'lora', attempt: 1, checkpoint: checkpoint(20), where });
    expect(night.of('nan_confirmed')).toEqual([]);
    expect(night.job.checkpoint?.step).toBe(20);
  });

  const steady = (loss: (step: number) => number): Night => {
    const night = new Night().start({ target_step: 100_000 });
    for (let step = 1; step <= 60; step += 1) night.skip(1).beat({ step, loss: loss(step) });
    return night;
  };

  test('but beyond all measure for twenty steps has exploded', () => {
    const night = steady((step) => 0.2 + 0.1 * Math.sin(step));
    for (let step = 61; step <= 80; step += 1) night.skip(1).beat({ step, loss: 5000 * step });
    expect(night.of('loss_not_finite')).toMatchObject([{ step: 61, loss: 305_000 }]);
    expect(night.of('nan_confirmed')).toEqual([]);
    night.skip(1).beat({ step: 81, loss: 400_000 });
    expect(night.of('nan_confirmed')).toMatchObject([{ onset: 61, step: 81 }]);
    night.see({ is: 'evidence', job: 'lora', attempt: 1, path: '/e', files: 1, seconds: 0 });
    night.exit({ signal: 'SIGTERM' }, { from: checkpoint(70) });
    expect(night.of('attempt_ended').at(-1)?.reason).toMatch(
      /^the loss has exploded since step 61/,
    );
    expect(night.commands).toEqual([{ do: 'prepare', job: 'lora', below: 61 }]);
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('a spike, a loss that has become very small, and one that was always large are sound', () => {
    const spike = steady(() => 0.2);
    for (let step = 61; step <= 75; step += 1) spike.skip(1).beat({ step, loss: 1e5 });
    for (let step = 76; step <= 120; step += 1) spike.skip(1).beat({ step, loss: 0.3 });
    expect(spike.of('loss_finite_again')).toHaveLength(1);
    const small = steady((step) => 10 ** -(step / 5));
    for (let step = 61; step <= 100; step += 1) small.skip(1).beat({ step, loss: 1e-3 });
    const large = steady((step) => 1e6 + step);
    const negative = steady((step) => -step);
    for (const night of [spike, small, large, negative])
      expect(night.of('nan_confirmed')).toEqual([]);
  });

  test('in the artefact of a run that ended well is no success', () => {
    const night = new Night().start().steps(100, 1);
    night.exit({ code: 0 }, { artefact: 'nan' });
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'nan' }]);
    expect(night.does('prepare')).toBe(true);
  });

  test('a step or two that a scaler skips are let pass', () => {
    const night = new Night().start({ target_step: 1000 }).steps(50, 1);
    night.skip(1).beat({ step: 51, loss: Number.POSITIVE_INFINITY });
    night.skip(1).beat({ step: 52, loss: 0.5 });
    night.steps(30, 1);
    expect(night.of('loss_finite_again')).toHaveLength(1);
    expect(night.of('nan_confirmed')).toEqual([]);
  });

  test('three times without a gained checkpoint in between, and it stops', () => {
    const night = poisoned();
    for (let life = 1; life <= 3; life += 1) {
      const { attempt } = night.job;
      night.see({ is: 'evidence', job: 'lora', attempt, path: '/e', files: 1, seconds: 0 });
      night.exit({ signal: 'SIGTERM' }, { from: checkpoint(50) });
      if (life === 3) break;
      night
        .pass(5)
        .see({ is: 'prepared', job: 'lora', from: checkpoint(50) })
        .spawned();
      for (let step = 51; step <= 56; step += 1) night.skip(1).beat({ step, loss: Number.NaN });
    }
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'nan' });
    expect(night.job.attempt).toBe(3);
    expect(night.rebuilt()).toEqual(night.core.state);
  });
});

describe('a full disk', () => {
  const full = { tail: ['OSError: [Errno 28] No space left on device'] };

  test('holds, asks for room, and goes on when there is some', () => {
    const night = new Night().start().steps(30, 1);
    night.exit({ code: 1 }, full);
    expect(night.job.run).toMatchObject({ at: 'holding', cause: 'disk_full' });
    expect(night.commands).toEqual([{ do: 'make_room', job: 'lora' }]);
    const room = {
      is: 'room',
      job: 'lora',
      needed_bytes: 100,
      pruned: [],
      pruned_bytes: 0,
    } as const;
    night.see({ ...room, free_bytes: 50 });
    expect(night.job.run.at).toBe('holding');
    night.pass(31);
    night.see({ ...room, free_bytes: 500, pruned: ['/out/step-1'], pruned_bytes: 450 });
    expect(night.of('checkpoints_pruned')).toHaveLength(1);
    expect(night.does('prepare')).toBe(true);
    night.see({ is: 'prepared', job: 'lora', from: checkpoint(30) });
    expect(night.job.attempts_by_cause).toEqual({ start: 1, disk_full: 1 });
  });

  test('an attempt for which there is no room is not tried again before there is', () => {
    const night = new Night().start().steps(30, 1).exit({ signal: 'SIGKILL' });
    const reason = 'could not be started in /work: ENOSPC: no space left on device, write';
    const { attempt } = night.job;
    night.see({
      ...{ is: 'spawn_failed', job: 'lora', attempt, reason },
      ...{ permanent: false, from: null },
    });
    expect(night.job.run).toMatchObject({ at: 'holding', cause: 'disk_full' });
    expect(night.commands).toEqual([{ do: 'make_room', job: 'lora' }]);
  });

  test('a heartbeat that could not be written does not unmake a training that is done', () => {
    const night = new Night().start({ target_step: 100 }).steps(90, 1);
    night.exit({ code: 0 }, { artefact: 'whole', from: checkpoint(100) });
    expect(night.job.run.at).toBe('finished');
    expect(night.of('job_finished')).toMatchObject([{ step: 100 }]);
    expect(night.job.progress.step).toBe(100);
  });

  test('room is made before the save that would fill it', () => {
    const night = new Night().start().steps(30, 1);
    night.see({ is: 'checkpoint', job: 'lora', checkpoint: checkpoint(20), free_bytes: 1500 });
    expect(night.commands).toEqual([{ do: 'make_room', job: 'lora' }]);
  });
});

test('a checkpoint that the trainer cannot load is moved away before another is looked for', () => {
  const night = new Night();
  night
    .start()
    .exit({ signal: 'SIGKILL' }, { from: checkpoint(40) })
    .spawned();
  night.exit(
    { code: 1 },
    {
      tail: ['RuntimeError: PytorchStreamReader failed reading zip archive'],
      from: checkpoint(40),
    },
  );
  expect(night.commands).toMatchObject([{ do: 'quarantine', checkpoint: checkpoint(40) }]);
  const asked: string[] = [];
  night.pass(5, () => asked.push(...night.commands.map((command) => command.do)));
  expect(asked).toContain('prepare');
});

describe('a file that is missing', () => {
  const from = checkpoint(10);
  const resumed = () =>
    new Night().start().steps(12, 1).exit({ signal: 'SIGKILL' }, { from }).spawned();
  const missing = (path: string) => ({
    tail: [`FileNotFoundError: [Errno 2] No such file or directory: '${path}'`],
  });

  test('from the checkpoint: another checkpoint is used', () => {
    const night = resumed().exit({ code: 1 }, missing('/out/step-10/state.json'));
    expect(night.of('attempt_ended').at(-1)).toMatchObject({ cause: 'corrupt' });
    expect(night.commands).toContainEqual(expect.objectContaining({ do: 'quarantine' }));
  });

  test.each(['/data/images', '/out/step-100/state.json'])('from elsewhere: %s', (path) => {
    const night = resumed().exit({ code: 1 }, missing(path));
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'permanent' });
  });
});

test('words that a trainer outlived are not what it was killed of', () => {
  const tail = ['heartbeat not written: ENOSPC: no space left on device, write', 'step 80/120'];
  const night = new Night().start().steps(80, 1);
  night.exit({ signal: 'SIGKILL' }, { tail, from: checkpoint(80) });
  expect(night.of('attempt_ended')).toMatchObject([{ cause: 'crash' }]);
  expect(night.job.run.at).toBe('starting');
});

test('a GPU that fell off the bus ends all starting on this machine', () => {
  const night = new Night().start().steps(5, 1);
  night.exit({ code: 1 }, { tail: ['RuntimeError: CUDA error: GPU has fallen off the bus'] });
  expect(night.job.run).toMatchObject({ at: 'holding', cause: 'host_bad' });
  expect(night.core.state.host_bad).toContain('fallen off the bus');
  night.pass(10);
  expect(night.does('prepare')).toBe(false);
});

describe('an error of the device', () => {
  const failing = (line: string): Night => {
    const night = new Night().start();
    night.exit({ code: 1 }, { tail: [line] }).spawned();
    return night.exit({ code: 1 }, { tail: [line] });
  };

  test('that comes back word for word before a step is tried again, up to the limit', () => {
    const night = failing('RuntimeError: CUDA error: an illegal memory access was encountered');
    expect(night.job.run.at).toBe('waiting');
    night.pass(5).see({ is: 'prepared', job: 'lora', from: null }).spawned();
    night.exit({ code: 1 }, { tail: ['RuntimeError: CUDA error: unspecified launch failure'] });
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'crash' });
  });

  test('is not the same as an error of the program, which ends it the second time', () => {
    const night = failing('ValueError: could not parse the caption of image 3');
    expect(night.job.run).toMatchObject({ at: 'failed', cause: 'crash' });
  });
});
