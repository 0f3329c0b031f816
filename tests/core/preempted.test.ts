import { describe, expect, test } from '@jest/globals';
import { Night } from './night.js';

const checkpoint = { step: 20, path: '/out/step-20', bytes: 10 };
const LEAVING = { is: 'daemon_stopping', reason: 'received SIGTERM', trainers: 'end' } as const;
const up = { is: 'daemon_up', pid: 2, version: '0', boot_id: 'boot' } as const;

/** The next daemon, which finds that the attempt has ended. */
const found = (night: Night, over: { rebooted?: boolean } = {}) => {
  night.see(up);
  expect(night.commands).toContainEqual({ do: 'adopt', job: 'lora', attempt: night.job.attempt });
  return night.exit(
    { signal: 'SIGTERM' },
    {
      from: checkpoint,
      ...(over.rebooted
        ? {
            ending: {
              exit: null,
              tail: [],
              artefact: 'absent',
              rebooted: true,
              oom_killed: false,
            },
          }
        : {}),
    },
  );
};

describe('an attempt that a scheduler ends with its daemon', () => {
  test.each([false, true])('costs no budget, on another node neither (%s)', (rebooted) => {
    const night = new Night().start();
    for (let life = 1; life <= 30; life += 1) {
      night.see(LEAVING);
      found(night, { rebooted }).spawned();
      expect(night.of('attempt_ended').at(-1)).toMatchObject({ cause: 'preempted' });
    }
    const { budget } = night.job;
    expect(budget).toMatchObject({ spent: {}, total: 0, barren: 0 });
    expect(night.job.run).toMatchObject({ at: 'running', attempt: 31 });
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('is done where it was done: the signal came too late', () => {
    const night = new Night().start().steps(100, 1).see(LEAVING).see(up);
    night.exit({ code: 0 }, { artefact: 'whole' });
    expect(night.job.run.at).toBe('finished');
  });

  test('ends before the daemon does: nothing is started any more, and the next daemon goes on', () => {
    const night = new Night().start().steps(30, 1).see(LEAVING);
    night.exit({ signal: 'SIGTERM' }, { from: checkpoint });
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'preempted' }]);
    night.see({ is: 'tick' });
    night.see({ is: 'prepared', job: 'lora', from: checkpoint });
    expect(night.does('prepare') || night.does('spawn')).toBe(false);
    night.see(up).see({ is: 'tick' });
    expect(night.commands).toContainEqual({ do: 'prepare', job: 'lora', below: null });
    night.see({ is: 'prepared', job: 'lora', from: checkpoint });
    expect(night.job.attempts_by_cause).toEqual({ start: 1, preempted: 1 });
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('a later attempt that is ended by the same signal is a crash again', () => {
    const night = new Night().start().see(LEAVING);
    found(night).spawned();
    night.exit({ signal: 'SIGTERM' });
    expect(night.of('attempt_ended').at(-1)).toMatchObject({ cause: 'crash' });
  });

  test('a daemon that leaves its trainer running says nothing of the kind', () => {
    const night = new Night().start();
    night.see({ is: 'daemon_stopping', reason: 'received SIGTERM' });
    found(night);
    expect(night.of('attempt_ended')).toMatchObject([{ cause: 'crash' }]);
  });
});
