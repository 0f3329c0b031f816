import { describe, expect, test } from '@jest/globals';
import {
  endUnderScheduler,
  endWhenTold,
  type FollowUpOutcome,
  initialState,
} from '../../daemon/core/index.js';
import { Night } from './night.js';

const end = (night: Night) => endUnderScheduler(night.core.state);
const up = (boot_id: string) => ({ is: 'daemon_up', pid: 1, version: '0', boot_id }) as const;
const OFF_THE_BUS = { tail: ['RuntimeError: GPU has fallen off the bus'] };

describe('the exit code under a scheduler', () => {
  test('none before there is a job, nor while one goes on', () => {
    expect(endUnderScheduler(initialState)).toBeNull();
    expect(endWhenTold(initialState)).toBe(0);
    const night = new Night().start();
    expect(end(night)).toBeNull();
    // Told to go before it is done: it can go on elsewhere.
    expect(endWhenTold(night.core.state)).toBe(33);
    night.beat({ step: 3 }).exit({ signal: 'SIGKILL' });
    expect(night.job.run.at).not.toBe('failed');
    expect(end(night)).toBeNull();
  });

  test('0, 93, 1: done, given up, stopped', () => {
    const done = new Night().start();
    done.beat({ step: 100 }).exit({ code: 0 }, { artefact: 'whole' });
    expect([end(done), endWhenTold(done.core.state)]).toEqual([0, 0]);
    const gaveUp = new Night().start().exit({ code: 127 });
    expect([end(gaveUp), endWhenTold(gaveUp.core.state)]).toEqual([93, 93]);
    const stopped = new Night().start();
    stopped.see({ is: 'stop', job: 'lora' }).exit({ signal: 'SIGTERM' });
    expect(end(stopped)).toBe(1);
  });

  test('none while what follows the training is under way or waits to be tried again', () => {
    const night = new Night().start({ follow_ups: { deliver: {} } });
    night.beat({ step: 100 }).exit({ code: 0 }, { artefact: 'whole' });
    const id = night.job.tasks?.deliver?.id ?? 0;
    const outcome = (more: FollowUpOutcome) =>
      night.see({ is: 'followed_up', job: 'lora', task: 'deliver', id, outcome: more });
    expect([end(night), endWhenTold(night.core.state)]).toEqual([null, 33]);
    const failed = { is: 'failed', reason: 'busy', remedy: '', retry_after: null } as const;
    outcome({ ...failed, permanent: false });
    expect(end(night)).toBeNull();
    night.skip(10).see({ is: 'tick' });
    outcome({ is: 'done', places: ['/loras/lora.safetensors'] });
    expect(end(night)).toBe(0);
  });

  test('none while a download goes on that was asked for beside the training', () => {
    const night = new Night().start();
    night.see({
      is: 'download_wanted',
      download: 'one',
      models: ['flux-dev'],
      cache: false,
      replace: false,
    });
    night.beat({ step: 100 }).exit({ code: 0 }, { artefact: 'whole' });
    expect(end(night)).toBeNull();
    night.see({ is: 'downloaded', download: 'one', end: { is: 'finished', files: 1, bytes: 1 } });
    expect(end(night)).toBe(0);
  });

  test('33 on a bad host, with another job still in the queue', () => {
    const night = new Night().start();
    night.see({ is: 'queue', spec: { ...night.job.spec, name: 'next' } });
    night.exit({ code: 1 }, OFF_THE_BUS);
    expect(end(night)).toBe(33);
  });
});

describe('a host that was found bad', () => {
  test('stays bad for the next daemon of the same boot', () => {
    const night = new Night().see(up('one')).start().exit({ code: 1 }, OFF_THE_BUS);
    night.see(up('one'));
    expect(night.core.state.host_bad).toContain('fallen off the bus');
    expect(night.job.run.at).toBe('holding');
  });

  test('is forgotten on another machine, and its job goes on there', () => {
    const night = new Night().see(up('one')).start().beat({ step: 40 });
    night.exit({ code: 1 }, OFF_THE_BUS).see(up('two'));
    expect(night.core.state.host_bad).toBeNull();
    night.see({ is: 'tick' });
    expect(night.does('prepare')).toBe(true);
    night.see({ is: 'prepared', job: 'lora', from: null });
    expect(night.of('attempt_starting').at(-1)).toMatchObject({ attempt: 2, reason: 'host_bad' });
    expect(night.rebuilt()).toEqual(night.core.state);
  });
});
