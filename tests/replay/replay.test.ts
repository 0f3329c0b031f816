import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../config/index.js';
import {
  type Doubt,
  type Entry,
  type Fact,
  initialState,
  type Policy,
  replay,
} from '../../daemon/core/index.js';
import { policyOf } from '../../daemon/startup/index.js';

const FILE = join(import.meta.dirname, '../fixtures/nights/dozer.jsonl');
/** A doze of 7 s that was suspected, and one without end that was killed after 8.4 s. */
const NIGHT = readFileSync(FILE, 'utf8')
  .trim()
  .split('\n')
  .map((line) => JSON.parse(line) as Entry);

const rules = (over: Record<string, string> = {}): Policy =>
  policyOf(loadConfig({ home: '/nowhere', env: over }));

function played(entries: readonly Entry[], policy: Policy) {
  const result = replay({ base: initialState, entries }, policy);
  const [job] = result.jobs;
  if (job === undefined) throw new Error('no job in the night');
  return { ...result, job };
}

const doubts = (facts: readonly Fact[]): Doubt[] =>
  facts.filter((fact): fact is Doubt => fact.kind !== 'ending');

describe('a recorded night under other rules', () => {
  test('the rules that judged it decide as they did', () => {
    const { job, ...sums } = played(NIGHT, rules());
    expect(job.differences).toEqual([]);
    expect(sums).toMatchObject({ false_alarms: 1, false_alarms_gone: 0, kills: 1, kills_gone: 0 });
  });

  test('more patience: the false alarm is gone, and the hang is confirmed later', () => {
    const patient = rules({ NIGHTWARDEN_HANG__FLOOR_SECONDS: '20' });
    const { job, ...sums } = played(NIGHT, patient);
    expect(sums).toMatchObject({ false_alarms_gone: 1, kills_gone: 0, would_be_kills: 0 });
    const [alarm, , hang] = job.differences;
    expect(alarm).toMatchObject({
      how: 'not at all',
      recorded: { kind: 'suspicion', ended_by: 'progress' },
    });
    // What the process would have done instead of being killed nobody knows.
    expect(hang).toMatchObject({ kind: 'hang', how: 'later', today: { presumed: true } });
    expect(doubts(job.today).map(({ silent_seconds }) => silent_seconds > 11)).toEqual([
      true,
      true,
    ]);
  });

  test('less patience: a trainer that was at work would have been killed', () => {
    const hasty = rules({
      NIGHTWARDEN_HANG__FLOOR_SECONDS: '3',
      NIGHTWARDEN_HANG__IDLE_SECONDS: '2',
    });
    const { job, ...sums } = played(NIGHT, hasty);
    expect(sums.would_be_kills).toBe(1);
    const kill = job.differences.find(({ how, kind }) => how === 'new' && kind === 'hang');
    expect(kill?.today).toMatchObject({ kind: 'hang', ended_by: 'progress', presumed: false });
    const silent = doubts(job.today).map(({ kind, silent_seconds }) => [kind, silent_seconds]);
    for (const [, seconds] of silent) expect(seconds).toBeLessThan(7);
    const earlier = job.differences.filter(({ how }) => how === 'earlier');
    expect(earlier.map(({ kind }) => kind)).toContain('hang');
  });

  test('a smaller budget gives up where the night went on', () => {
    const { job } = played(NIGHT, rules({ NIGHTWARDEN_RETRY__CEILING: '1' }));
    expect(job.differences).toMatchObject([
      {
        kind: 'ending',
        how: 'otherwise',
        recorded: { cause: 'hang', followed_by: 'restart' },
        today: { cause: 'hang', followed_by: 'give up' },
      },
    ]);
  });
});

describe('what the journal does not hold', () => {
  test('without the looks from outside nothing is made up: the silence alone remains', () => {
    const blind = NIGHT.filter(({ type }) => type !== 'looked_at');
    const { job, unknown } = played(blind, rules());
    expect(doubts(job.today).filter(({ presumed }) => !presumed)).toEqual([]);
    expect(unknown.join(' ')).toContain('what they would have seen was not recorded');
  });

  test('a journal that begins in the middle says so', () => {
    const cut = NIGHT.slice(20);
    const { unknown } = replay({ base: initialState, entries: cut }, rules());
    expect(unknown.join(' ')).toContain(`begins at entry ${cut[0]?.seq}`);
    expect(unknown.join(' ')).toContain('Nothing can be said of dozer');
  });

  test('an error of the output is judged by the line that is quoted', () => {
    const failed = NIGHT.map((entry) =>
      entry.type === 'attempt_ended' && entry.attempt === 1
        ? {
            ...entry,
            exit: { code: 1, signal: null },
            cause: 'crash',
            reason: 'exited with status 1: torch.OutOfMemoryError: CUDA out of memory.',
          }
        : entry,
    ).filter(({ type }) => type !== 'hang_confirmed') as Entry[];
    const { job } = played(failed, rules());
    expect(job.differences.filter(({ kind }) => kind === 'ending')).toMatchObject([
      { recorded: { cause: 'crash' }, today: { cause: 'oom', followed_by: 'restart' } },
    ]);
  });
});

test('stops, suspends and dead daemons of the night are not held against the trainer', () => {
  const [up, queued, ...rest] = NIGHT;
  const progress = rest.find(({ type }) => type === 'progress');
  if (up === undefined || queued === undefined || progress === undefined) throw new Error('empty');
  const until = rest.indexOf(progress) + 1;
  const at = progress.time;
  const later = [
    { type: 'clocks_rearmed', reason: 'machine_slept', seconds: 7200, time: at + 7200.2 },
    { type: 'clocks_rearmed', reason: 'daemon_stalled', seconds: 3600, time: at + 10801 },
    { type: 'clocks_rearmed', reason: 'wall_clock_jumped', seconds: -7200, time: at + 3602 },
    { type: 'daemon_started', pid: 2, version: '0', boot_id: 'b', time: at + 9000 },
    { ...progress, time: at + 9001 },
  ].map((entry, i) => ({ ...entry, seq: 100 + i })) as Entry[];
  const { job } = played([up, queued, ...rest.slice(0, until), ...later], rules());
  expect(doubts(job.today)).toEqual([]);
});
