import { describe, expect, test } from '@jest/globals';
import { type FollowUpOutcome, nextLook, refuse, statusOf } from '../../daemon/core/index.js';
import { Night, policy } from './night.js';

const SPEC = { to: ['auto'], by: 'copy' };
const failed = (
  over: Partial<Extract<FollowUpOutcome, { is: 'failed' }>> = {},
): FollowUpOutcome => ({
  is: 'failed',
  reason: 'no folder',
  remedy: 'Make it.',
  permanent: false,
  retry_after: null,
  ...over,
});

class Finished extends Night {
  constructor(follow_ups: object = { deliver: SPEC }) {
    super();
    this.start({ follow_ups }).steps(100, 1).exit({ code: 0 }, { artefact: 'whole' });
  }

  get task() {
    return this.job.tasks?.deliver;
  }

  outcome(outcome: FollowUpOutcome, id = this.task?.id ?? 0): this {
    return this.see({ is: 'followed_up', job: 'lora', task: 'deliver', id, outcome });
  }
}

describe('what follows a finished training', () => {
  test('what its job file asks for begins with the finish, and nothing else does', () => {
    const night = new Finished();
    expect(night.job.run.at).toBe('finished');
    expect(night.commands).toContainEqual({
      do: 'follow_up',
      job: 'lora',
      task: 'deliver',
      id: night.task?.id,
    });
    expect(night.of('task_queued')).toEqual([
      { type: 'task_queued', job: 'lora', task: 'deliver', spec: SPEC },
    ]);
    expect(new Finished({}).job.tasks).toBeUndefined();
  });

  test('both at once, each by itself', () => {
    const night = new Finished({ deliver: SPEC, publish: { repo: 'me/lora' } });
    expect(night.of('task_started').map(({ task }) => task)).toEqual(['deliver', 'publish']);
    night.outcome({ is: 'done', places: ['/loras/lora.safetensors'] });
    expect(night.task).toMatchObject({ at: 'done', places: ['/loras/lora.safetensors'] });
    expect(night.job.tasks?.publish?.at).toBe('running');
  });

  test('what is to be said of the result is kept with it', () => {
    const night = new Finished().outcome({ is: 'done', places: ['/x'], note: 'The best.' });
    expect(night.task).toMatchObject({ at: 'done', places: ['/x'], note: 'The best.' });
    const [told] = statusOf(night.core.state, night.wall, true).jobs;
    expect(told?.tasks).toMatchObject([{ state: 'done', note: 'The best.' }]);
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('a failed training asks for nothing', () => {
    const night = new Night().start({ follow_ups: { deliver: SPEC } });
    night.exit({ code: 2 }, { tail: ['error: unrecognized arguments: --x'] });
    expect(night.of('task_queued')).toEqual([]);
  });

  test('a failure waits, longer each time, and the training stays finished', () => {
    const night = new Finished();
    const waits: number[] = [];
    for (let i = 0; i < 20 && night.task?.at !== 'failed'; i += 1) {
      night.outcome(failed());
      const task = night.task;
      if (task?.at !== 'waiting') break;
      waits.push(task.until - night.wall);
      night.skip(waits.at(-1)! - 0.5).see({ is: 'tick' });
      expect(night.task?.at).toBe('waiting');
      night.skip(0.5).see({ is: 'tick' });
      expect(night.does('follow_up')).toBe(true);
    }
    expect(waits).toEqual([5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]);
    expect(night.task).toMatchObject({ at: 'failed', tries: 12, reason: 'no folder' });
    expect(night.job.run).toMatchObject({ at: 'finished' });
    expect(night.job.incidents).toEqual([]);
  });

  test('one that no second try mends is given up at once', () => {
    const night = new Finished().outcome(failed({ permanent: true }));
    expect(night.task).toMatchObject({ at: 'failed', tries: 1, remedy: 'Make it.' });
  });

  test('a wait that the other side asks for is kept, up to the longest of our own', () => {
    const night = new Finished().outcome(failed({ retry_after: 55 }));
    expect(night.task).toMatchObject({ until: night.wall + 55 });
    const long = new Finished().outcome(failed({ retry_after: 86_400 }));
    expect(long.task).toMatchObject({ until: long.wall + 600 });
  });

  test('the next look is not later than the next try', () => {
    const night = new Finished().outcome(failed());
    expect(nextLook(night.core, { mono: night.mono, wall: night.wall }, policy, 'anything')).toBe(
      night.mono + 5,
    );
  });

  test('a wall clock set back does not make it wait for a day', () => {
    const night = new Finished().outcome(failed());
    night.wall -= 86_400;
    night.see({ is: 'tick' });
    expect(night.does('follow_up')).toBe(true);
  });

  test('a daemon that comes back goes on with the same try', () => {
    const night = new Finished();
    night.see({ is: 'daemon_up', pid: 2, version: '1', boot_id: 'boot' });
    expect(night.does('follow_up')).toBe(true);
    expect(night.task).toMatchObject({ at: 'running', tries: 1 });
    night.outcome({ is: 'done', places: [] });
    night.see({ is: 'daemon_up', pid: 3, version: '1', boot_id: 'boot' });
    expect(night.does('follow_up')).toBe(false);
    expect(night.rebuilt()).toEqual(night.core.state);
  });

  test('asked for by command: replaces what waits, and the old outcome counts for nothing', () => {
    const night = new Finished().outcome(failed());
    const old = night.task?.id ?? 0;
    night.see({ is: 'follow_up', job: 'lora', task: 'deliver', spec: { to: ['/x'] } });
    expect(night.task).toMatchObject({ at: 'running', tries: 1, spec: { to: ['/x'] } });
    night.outcome({ is: 'done', places: ['old'] }, old);
    expect(night.task?.at).toBe('running');
  });

  test('refused while it runs, and for a job that has not finished', () => {
    const request = { is: 'follow_up', job: 'lora', task: 'deliver', spec: SPEC } as const;
    const night = new Finished();
    expect(refuse(night.core.state, request)).toContain('under way');
    night.outcome(failed({ permanent: true }));
    expect(refuse(night.core.state, request)).toBeNull();
    expect(refuse(new Night().start().core.state, request)).toContain('is not finished');
  });
});
